"""What can be said of the gateway's own tokens and of those who ask for them."""

from __future__ import annotations

from typing import Final

from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.codes import Code

REVOKED_TOKEN: Final = Code("authenticate.revoked_token", 401, "The token was revoked", FAILED)
CLIENT_FAILED: Final = Code("authenticate.client_failed", 401, "The client could not be authenticated")
GRANT_REFUSED: Final = Code("authorize.grant_refused", 400, "The token service did not do what was asked")

ENDPOINT_CODES: Final = (CLIENT_FAILED, GRANT_REFUSED)
"""What records say of requests to the token service; clients get the errors of RFC 6749."""
