"""Everything that is not on a request's path: record writing, the admin listener, key management."""
