"""How the customer of a call is heard: utterances cut, encoded once, judged by heads."""
