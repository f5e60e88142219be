"""What is read from one encoding: small networks in files of their own, and their registry."""
