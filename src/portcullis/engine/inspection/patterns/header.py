"""Line ends that begin a header field or a request of their own (CWE-93, CWE-113)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.pattern import AttackClass, Pattern

CLASS: Final = AttackClass(
    key="crlf",
    title="header injection",
    summary="line ends followed by a header field, a status line, or a document; in the path, the query, header fields "
    "and cookies, where no honest value has them",
    cwe=93,
)

_HEAD: Final = frozenset(("path", "query", "header", "cookie"))
_LINE_END: Final = r"(?:[\r\n]|%0[ad]|\\[rn])[\s\\rn]*"

PATTERNS: Final = (
    Pattern(
        "crlf-101",
        "a header field after a line end",
        expressions=(
            _LINE_END
            + r"(?:set-cookie|content-?(?:type|length|disposition|location)|location|host|transfer-encoding|x-[a-z-]+"
            r"|refresh|access-control-[a-z-]+|cache-control|bcc)\s*:",
        ),
        matches=("x\r\nSet-Cookie: a=b", "%0d%0aLocation: https://x", "x\nContent-Length: 0", "%0AContent-Type:html"),
        passes=("a\nb: c", "Host: x", "first line\nsecond line"),
        places=_HEAD,
    ),
    Pattern(
        "crlf-102",
        "a status line, a request line or a document after a line end",
        expressions=(
            _LINE_END + r"(?:http/\d(?:\.\d)?\s|(?:get|post|head|options|put|delete|connect|patch|trace)\s+\S+\s+http/"
            r"|<\s*(?:html|body|head|script|!doctype|meta))",
        ),
        matches=("x\r\nHTTP/1.1 200 OK", "%0d%0a%0d%0a<html>", "x\nGET /admin HTTP/1.1", "\r\n\r\n<script>"),
        passes=("a\nhtml", "GET /a HTTP/1.1"),
        places=_HEAD,
    ),
)
