"""AsyncAPI documents, 2.0 to 2.6 and 3.0: which messages a channel has, and what their payloads may be."""
