"""Asking issuers about tokens that only they can read (RFC 7662)."""
