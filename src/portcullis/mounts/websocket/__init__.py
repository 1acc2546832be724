"""WebSockets on the wire: frames read strictly, and the session that passes them on."""
