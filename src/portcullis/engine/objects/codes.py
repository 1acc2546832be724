"""What can be said of objects and fields, and what callers are told of it.

A caller that asks for somebody else's object gets the answer that it would get for one that does not exist, to the
letter; only the record knows which it was.
"""

from __future__ import annotations

from typing import Final

import msgspec

from portcullis.engine.codes import Code

NOT_FOUND: Final = Code("objects.not_found", 404, "There is no such object")
FORBIDDEN: Final = Code("objects.forbidden", 403, "The caller may not do this with this object")

NOT_OWNER: Final = Code("objects.not_owner", 404, "The object is not the caller's", NOT_FOUND)
UNDECIDED: Final = Code("objects.undecided", 404, "Whether the object is the caller's can't be decided", NOT_FOUND)
UNREADABLE: Final = Code("objects.unreadable", 404, "The answer that holds the object can't be read", NOT_FOUND)
ABSENT: Final = Code("objects.absent", 404, "The service has no such object", NOT_FOUND)
ENUMERATION: Final = Code("objects.enumeration", 404, "The caller tries many objects that are not its own", NOT_FOUND)

LIST_REFUSED: Final = Code("objects.list_refused", 403, "Objects of others are in the list", FORBIDDEN)
LIST_FILTERED: Final = Code("objects.list_filtered", 403, "Objects of others were in the list", FORBIDDEN)
LOCKED: Final = Code("objects.locked", 429, "Too many objects were refused to the caller")
UNAVAILABLE: Final = Code("objects.unavailable", 503, "Whose object this is can't be found out at the moment")

FIELD_HIDDEN: Final = Code("objects.field_hidden", 403, "Fields that the caller does not see were hidden", FORBIDDEN)
FIELDS_UNREADABLE: Final = Code("objects.fields_unreadable", 403, "Fields of the answer can't be hidden", FORBIDDEN)
FIELD_REFUSED: Final = Code("objects.field_refused", 403, "The caller may not set a field of the body")
BODY_UNREADABLE: Final = Code("objects.body_unreadable", 403, "The fields of the body can't be told", FIELD_REFUSED)


def told_apart(code: Code) -> Code:
    """``code``, for where callers are told that an object is not theirs instead of that it is not there."""
    return msgspec.structs.replace(code, status=FORBIDDEN.status, public=FORBIDDEN)
