"""Certificates that the gateway shows others: what they are, what is wrong with them, when they have to be renewed."""
