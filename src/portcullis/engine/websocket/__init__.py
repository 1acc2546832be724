"""WebSockets (RFC 6455): what the file says of them, handshakes, and what messages may be."""
