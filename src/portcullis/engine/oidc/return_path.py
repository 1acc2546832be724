"""Where a browser is sent after it has logged in: to a path of the very site it logs in at, and nowhere else.

An address that a link can choose is an open redirect (CWE-601): a page that looks like ours after a login that was
ours. So only a plain path with a query is taken, and what browsers and servers read in different ways is not: ``//``,
a backslash, dot segments, control characters. It is sent with our origin before it, which leaves nothing to resolve.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

MAX_RETURN_PATH: Final = 1_024
_PLAIN: Final = re.compile(r"/[!$-;=?-\[\]_a-z|~]*")
"""Visible ASCII without ``"``, ``#``, ``<``, ``>``, ``\\``, ``^``, a grave accent and braces."""
HOME: Final = "/"


def safe_return_path(target: str, own: Collection[str] = ()) -> str:
    """``target`` if a browser may be sent there, else ``/``. ``own``: the paths of logging in and out, never meant."""
    if len(target) > MAX_RETURN_PATH or not _PLAIN.fullmatch(target):
        return HOME
    path = target.partition("?")[0]
    segments = path.lower().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/").split("/")
    if "" in segments[1:-1] or "." in segments or ".." in segments or path in own:
        return HOME
    return HOME if path.startswith("//") else target
