"""Decision points as the configuration file declares them."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from portcullis.engine.config.names import CallUrl, Name
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration, Meaning, SecretReference

Protocol: TypeAlias = Literal["authzen", "opa", "openfga"]

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DATA: Final = re.compile(r"https?://[^/]+(?:/.*)?/v1/data/.+")


def _check_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError("the id of a store or a model, such as 01ARZ3NDEKTSV4RRFFQ69G5FAV")
    return value


OpenFgaId = Annotated[str, AfterValidator(_check_id), Meaning("an id", "01ARZ3NDEKTSV4RRFFQ69G5FAV")]


class DecisionCache(Section):
    """How long answers are remembered, by each worker."""

    allow: Annotated[Duration, Field(ge=0.0, le=3600.0)] = 10.0
    """How long a yes holds: so long somebody may go on who would be refused by now. ``0s``: not at all."""
    deny: Annotated[Duration, Field(ge=0.0, le=3600.0)] = 2.0
    """How long a no holds."""
    entries: int = Field(10_000, ge=1, le=1_000_000)
    """How many answers one worker remembers (some 250 bytes each); the oldest go first."""

    @model_validator(mode="after")
    def _no_is_shorter(self) -> Self:
        if self.deny > self.allow:
            raise ValueError("a no is remembered no longer than a yes: who was just granted something must not wait")
        return self


class DecisionPointConfig(Section):
    """Something that decides for others: a policy decision point."""

    kind: Protocol
    """``authzen`` (OpenID AuthZEN Authorization API 1.0), ``opa`` (Open Policy Agent) or ``openfga``."""
    url: CallUrl
    """``authzen`` and ``openfga``: what stands before ``/access/v1/...`` and ``/stores/...``; ``opa``: the document
    that decides, ``https://opa.internal/v1/data/shop/allow``, which is ``true`` or has a field ``allow`` that is."""
    token: SecretReference | None = None
    """Token that is sent with each question (``Authorization: Bearer``)."""
    store: OpenFgaId | None = None
    """``openfga``: id of the store."""
    model: OpenFgaId | None = None
    """``openfga``: id of the authorization model; default: the latest."""
    subjects: dict[Name, Name] = {}
    """Type of the callers by the identity that proves them; default ``user``. Where an operation accepts several
    identities each has to be named, since two of them may know different callers by the same name."""
    timeout: Annotated[Duration, Field(ge=0.01, le=4.0)] = 1.0
    """How long an answer is waited for."""
    cache: DecisionCache = DecisionCache()
    """How long answers are remembered."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "openfga" and self.store is None:
            raise ValueError("openfga needs the id of a store: store: 01ARZ3NDEKTSV4RRFFQ69G5FAV")
        if self.kind != "openfga" and (self.store is not None or self.model is not None):
            raise ValueError("store and model are of openfga: remove them")
        if self.kind == "opa" and not _DATA.fullmatch(self.url):
            raise ValueError("opa is asked for a document: a URL such as https://opa.internal/v1/data/shop/allow")
        return self
