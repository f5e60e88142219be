"""Everyday word classes of the fit: written by hand, weighed by ``bench.fit_text``.

A class is one column of the regression: its members share a weight beside their own, so that
what thousands of comments teach about one word of thanks holds for every other. No class says
what anger is: words that do stand in the authored lexicon. A word is in one class.
"""

from __future__ import annotations

from collections.abc import Mapping

from subtone.kernel.voice_intelligence.lexicons.entries import words

ENGLISH = {
    "admiration": words(
        "admire adorable brilliant charming clever cute elegant gem genius gorgeous handsome "
        "impressive inspiring interesting legend precious respect skill skilled smart talented "
        "wholesome"
    ),
    "amusement": words(
        "amused amusing comedy funny haha hahaha hehe hilarious joke jokes joking laugh laughed "
        "laughing laughs lmao lmfao lol lolol meme memes rofl xd"
    ),
    "agreement": words(
        "absolutely agree agreed definitely exactly ok okay right sure true yeah yep yes yup"
    ),
    "denial": words(
        "aint arent cannot cant couldnt didnt doesnt dont hadnt hasnt havent isnt neither never no "
        "nobody none nope nor not nothing shouldnt wasnt werent without wont wouldnt"
    ),
    "fear": words(
        "afraid anxiety anxious fear horror nervous panic scared scary terrified terrifying "
        "worried worry worrying"
    ),
    "joy": words(
        "amazing awesome beautiful best congrats congratulations delighted enjoy enjoyed enjoying "
        "excellent excited exciting fantastic favorite favourite fun glad good great happy love "
        "loved lovely loves nice perfect pleased proud wonderful yay"
    ),
    "sadness": words(
        "alone cried cries cry crying dead death depressed depressing depression died funeral "
        "grief heartbreaking heartbroken lonely loss lost miss missed pain passed sad sadly sorrow "
        "suffering tears"
    ),
    "surprise": words(
        "omg realised realized shocked surprise surprised surprising surprisingly unexpected whoa "
        "woah wow"
    ),
    "sympathy": words(
        "better blessed comfort condolences empathy feel feeling feels heal healing hope "
        "hopefully hoping hug hugs luck prayers praying recover recovery safe sorry strong "
        "support supporting sympathy wish wishes wishing"
    ),
    "thanks": words("appreciate appreciated grateful gratitude thank thankful thanks thx welcome"),
}
CLASSES: Mapping[str, Mapping[str, frozenset[str]]] = {"en": ENGLISH, "zh": {}}
