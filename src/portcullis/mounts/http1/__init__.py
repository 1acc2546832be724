"""HTTP/1.1 on the wire (RFC 9112), for both sides of the gateway; no sockets here.

Smuggling needs two parsers that disagree where a message ends. So this one accepts the RFC's grammar and nothing
beside it, in both directions: one regular expression matches a whole section or nothing, in linear time; what it
matched is split, and every sentence of RFC 9112 6 about framing is checked on the parts. Nothing is repaired, and what
is sent on is written anew from the parts.

It is pulled, not pushed: a caller asks for one head, then feeds that message's body decoder, and what follows the
message waits in the caller's buffer. Whatever the grammar cannot continue to is refused at its first wrong byte, so
the same bytes give the same answer however they were cut on the way.

A rule for its regular expressions: only single characters are quantified possessively (``[a-z]++``), never groups.
CPython before 3.11.5 lets a possessive repeat of ``(?:ab)`` end in the middle of an ``ab``, and so accepts what the
grammar does not.
"""
