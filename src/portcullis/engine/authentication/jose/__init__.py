"""JSON object signing and encryption (RFC 7515 to 7519) for tokens of others: read, verified and decrypted.

:class:`~portcullis.engine.authentication.jose.verifier.TokenVerifier` is the way in. Everything here goes by RFC 8725,
the best practice for JSON web tokens: what a token says of itself never chooses how it is checked.
"""
