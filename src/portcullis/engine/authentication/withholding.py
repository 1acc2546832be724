"""Credentials are taken out of what is sent upstream, whatever becomes of the call."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from portcullis.engine.authentication.proof import Authenticator
from portcullis.engine.decision import Modify
from portcullis.engine.facts import Facts
from portcullis.engine.policy import Step
from portcullis.engine.query_credentials import without_credentials
from portcullis.engine.request import RequestView


def withholding(policy: str, authenticators: Sequence[Authenticator]) -> tuple[Step, ...]:
    """The step that takes the credentials of ``authenticators`` out of a request, if there are any to take out."""
    withheld = [each for each in authenticators if not each.forward]
    fields = frozenset(field for each in withheld for field in each.fields)
    names = frozenset(each.query for each in withheld if each.query is not None)
    cookies = frozenset(name.encode() for each in withheld for name in each.cookies)
    without_fields = Modify(remove_fields=fields) if fields else None

    def withhold_fields(_request: RequestView, _facts: Facts) -> Modify | None:
        return without_fields

    def withhold(request: RequestView, _facts: Facts) -> Modify | None:
        query = without_credentials(request.query, names)
        cookie = request.headers.get(b"cookie") if cookies else None
        kept = None if cookie is None else without_cookies(cookie, cookies)
        if query is request.query and kept is cookie:
            return without_fields
        return Modify(
            set_fields=((b"cookie", kept),) if kept and kept is not cookie else (),
            remove_fields=fields if kept else fields | {b"cookie"} if cookie is not None else fields,
            query=None if query is request.query else query,
        )

    if names or cookies:
        return (Step(policy, "head", withhold),)
    return (Step(policy, "head", withhold_fields),) if fields else ()


def without_cookies(field: bytes, names: Collection[bytes]) -> bytes:
    """The value of a ``Cookie`` field without the cookies in ``names`` (RFC 6265 4.2.1).

    Several fields arrive joined with commas, and credentials are read on both sides of these: so they are taken out
    there too. Gives the same object back where there is nothing to take out.
    """
    if not any(name in field for name in names):
        return field
    kept = field
    if b"," in field:
        kept = b";".join(filter(None, (_without_joined(part, names) for part in field.split(b";"))))
    else:
        pairs = field.split(b";")
        left = [pair for pair in pairs if not _is_one_of(pair, names)]
        kept = field if len(left) == len(pairs) else b";".join(left)
    return field if kept == field else kept.strip()


def _without_joined(part: bytes, names: Collection[bytes]) -> bytes:
    """What stands between two semicolons, without the cookies in ``names``; what follows a comma may be a value's."""
    kept = []
    is_withheld = False
    for piece in part.split(b","):
        if b"=" in piece or not is_withheld:
            is_withheld = _is_one_of(piece, names)
        if not is_withheld:
            kept.append(piece)
    return b",".join(kept)


def _is_one_of(pair: bytes, names: Collection[bytes]) -> bool:
    return pair.partition(b"=")[0].strip() in names
