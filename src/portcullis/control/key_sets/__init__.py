"""Key sets of issuers: found, fetched, and kept for when an issuer is away."""
