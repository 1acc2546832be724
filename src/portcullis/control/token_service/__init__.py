"""The token service: issues, refreshes, exchanges, revokes and explains tokens, in the control process alone."""
