"""HTTP/2 on the wire (RFC 9113), for the client's side of the gateway; no sockets, no clock here.

What comes in goes through four stages, each of which refuses what the next must not see: frames (sizes, flags, which
stream they may be on), header blocks (the grammar of HPACK, then what it decodes to), heads (what HTTP allows, and
what would be another request once it is written as HTTP/1.1), and the states of connection and streams. What is left
are few events. Whatever a peer can make the gateway hold is bounded, and so is how often it can make it work for
nothing.

HPACK is decoded and encoded by ``jh2``, in Rust. It is lenient where the standard is not, and fails badly on blocks
that are cut short, so the grammar of a block is checked here first.
"""
