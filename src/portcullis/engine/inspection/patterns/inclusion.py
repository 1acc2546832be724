"""Directives that a web server runs in a page (server-side includes, CWE-97)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.pattern import AttackClass, Pattern

CLASS: Final = AttackClass(
    key="ssi",
    title="server-side include injection",
    summary="``<!--#exec ...-->`` and the other directives",
    cwe=97,
)

PATTERNS: Final = (
    Pattern(
        "ssi-101",
        "a directive for the web server",
        expressions=(
            r"<!--\s*#\s*(?:exec|include|echo|printenv|config|set|fsize|flastmod|if|elif|odbc|email|counter)\b",
            r"<\s?esi:(?:include|inline|remove|vars|comment|debug)\b",
        ),
        matches=('<!--#exec cmd="id"-->', "<!--#printenv -->", '<!--#echo var="x" -->', '<esi:include src="x"/>'),
        passes=("<!-- a comment -->", "<!-- #1 -->"),
    ),
)
