"""Credentials that were sent in clear, to a listener that only redirects to https: whoever was on the way has them.

Nothing of such a request is forwarded. What can be done is to say so, of an API key by its public id, so that it can be
rotated or revoked (``keys.revoke_leaked``). A key counts only if it is one, by its digest: else whoever knows its id,
which is no secret, could have it revoked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_plus

from portcullis.engine.api_key_format import PATTERN, digest_of
from portcullis.engine.codes import CREDENTIAL_IN_CLEAR, HTTPS_REQUIRED, KEY_IN_CLEAR, Code
from portcullis.engine.decision import Finding
from portcullis.engine.identity import ANONYMOUS, Identity
from portcullis.engine.ports import KeyDirectory, KeyGrant
from portcullis.engine.request import RequestView

_KEY: Final = re.compile(PATTERN)
_CREDENTIALS: Final = (b"authorization", b"proxy-authorization", b"cookie")
_MOST: Final = 8
"""Texts that look like keys which are looked up for one request."""


class Sent:
    """What was sent in clear: how it is recorded, where it was, and whose it is if that is known."""

    __slots__ = ("code", "finding", "identity")

    def __init__(
        self, code: Code = HTTPS_REQUIRED, finding: Finding | None = None, identity: Identity = ANONYMOUS
    ) -> None:
        self.code = code
        self.finding = finding
        self.identity = identity


NOTHING: Final = Sent()


class ClearText:
    """Looks through requests that came in clear."""

    __slots__ = ("_keys",)

    def __init__(self, keys: KeyDirectory) -> None:
        self._keys = keys

    def look(self, request: RequestView) -> Sent:
        """What of ``request``, whose target may be unread, had better not been sent so."""
        for _, (pointer, key) in zip(range(_MOST), _texts_like_keys(request), strict=False):
            grant = self._keys.find(digest_of(key.encode()))
            if grant is not None and not grant.revoked:
                found = f"key {grant.id} of {grant.consumer.name}, in clear"
                return Sent(KEY_IN_CLEAR, Finding(pointer, found, "https"), grant.identity)
        for name in _CREDENTIALS:
            if name in request.headers:
                return Sent(CREDENTIAL_IN_CLEAR, Finding(f"/header/{name.decode()}", "a credential, in clear", "https"))
        return NOTHING


class _NoKeys:
    def find(self, digest: bytes) -> KeyGrant | None:  # noqa: ARG002 - there are none
        return None


WITHOUT_KEYS: Final = ClearText(_NoKeys())
"""Where no key was ever issued."""


def _texts_like_keys(request: RequestView) -> Iterator[tuple[str, str]]:
    for name, value in request.fields:
        for match in _KEY.finditer(value.decode("latin-1")):
            yield f"/header/{name.decode('latin-1')}", match[0]
    for match in _KEY.finditer(unquote_plus(request.target)):
        yield "/target", match[0]
