"""Revocation lists that are kept fresh: read, fetched, put together, and told to the workers."""
