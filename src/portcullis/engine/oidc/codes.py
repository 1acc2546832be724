"""What can be said of sessions and logins."""

from __future__ import annotations

from typing import Final

from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.codes import Code

MALFORMED_SESSION: Final = Code("authenticate.malformed_session", 401, "The cookie is no session's", FAILED)
UNKNOWN_SESSION: Final = Code("authenticate.unknown_session", 401, "There is no such session, or none any more", FAILED)
CROSS_SITE: Final = Code("authenticate.cross_site", 403, "The request was not sent by a page of this site")
UNKNOWN_LOGIN: Final = Code("authenticate.unknown_login", 400, "This browser has not begun this login")
LOGIN_REFUSED: Final = Code("authenticate.login_refused", 403, "The login was refused")
LOGIN_UNAVAILABLE: Final = Code("authenticate.login_unavailable", 503, "Nobody can log in right now")
WRONG_ORIGIN: Final = Code("authenticate.wrong_origin", 400, "Logins are taken at another origin")
