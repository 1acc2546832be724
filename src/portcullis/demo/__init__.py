"""The demo: a bookshop API with the weaknesses of a normal one, the gateway in front of it, and calls to try."""
