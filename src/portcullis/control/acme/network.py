"""Calls to an authority: as the library makes them, but without redirects, and never more than a stated size."""

from __future__ import annotations

from typing import Any, Final

import requests
from acme import client, errors, messages
from josepy.jwa import ES256
from josepy.jwk import JWK

from portcullis.control.acme.messages import Authority

MAX_ANSWER: Final = 1024 * 1024
CALL_SECONDS: Final = 30
NONCES: Final = 8
"""Nonces that may be refused one after the other."""
LONGEST_WAIT: Final = 24 * 3600.0


class BoundedNetwork(client.ClientNetwork):
    """``wait``: seconds that the authority has last asked to wait (``Retry-After`` of a 429 or 503)."""

    def __init__(self, key: JWK, authority: Authority) -> None:
        super().__init__(key, alg=ES256, user_agent="portcullis", timeout=CALL_SECONDS)
        if authority.ca is not None:
            self.verify_ssl = authority.ca  # type: ignore[assignment]
        self.session.trust_env = False
        if authority.proxy is not None:
            self.session.proxies = {"http": authority.proxy, "https": authority.proxy}
        self.session.hooks["response"].append(_bounded)
        self.wait = 0.0

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As the library's, which tries a nonce that was refused only once more (RFC 8555 6.5)."""
        for _ in range(NONCES):
            try:
                return self._post_once(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return self._post_once(*args, **kwargs)

    def _send_request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs |= {"allow_redirects": False, "stream": True}
        response = super()._send_request(method, url, *args, **kwargs)
        if 300 <= response.status_code < 400:
            raise errors.ClientError(f"{url}: answered {response.status_code}: redirects are not followed")
        if response.status_code in (429, 503):
            said = response.headers.get("Retry-After", "")
            self.wait = min(float(said), LONGEST_WAIT) if said.isascii() and said.isdigit() else 0.0
        return response


def _bounded(response: requests.Response, **_: Any) -> None:
    """Read the answer, which was not read yet, up to a limit."""
    content = bytearray()
    for piece in response.iter_content(16 * 1024):
        content += piece
        if len(content) > MAX_ANSWER:
            response.close()
            raise requests.exceptions.ContentDecodingError(f"an answer of more than {MAX_ANSWER} bytes")
    response._content = bytes(content)  # noqa: SLF001 - where requests keeps what was read
