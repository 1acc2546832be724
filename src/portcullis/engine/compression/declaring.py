"""Compression of answers as the configuration file declares it."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Meaning, Size

_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/(?:\*|\*\+[a-z0-9]{1,32}|[a-z0-9!#$&^_.+-]{1,64})")


def _check_type(value: str) -> str:
    if not _TYPE.fullmatch(value):
        raise ValueError("a media type in lower case: application/json, text/* or application/*+json")
    return value


MediaRange = Annotated[str, AfterValidator(_check_type), Meaning("a media type", "application/json")]

TYPES: Final = (
    "application/json",
    "application/*+json",
    "application/xml",
    "application/*+xml",
    "application/x-ndjson",
    "application/yaml",
    "text/csv",
    "text/html",
    "text/plain",
    "text/xml",
)


class CompressConfig(Section):
    """Answers are compressed for clients that can read it."""

    codings: list[Literal["zstd", "br", "gzip"]] = Field(["zstd", "br", "gzip"], min_length=1, max_length=3)
    """Codings, the one liked best first; which of them a client can read it says itself."""
    types: list[MediaRange] = Field(list(TYPES), min_length=1, max_length=64)
    """Media types of answers that are worth it."""
    min_bytes: Annotated[Size, Field(ge=0)] = 1024
    """Bytes of an answer below which it is not worth it."""
    authenticated: bool = False
    """Answers to authenticated callers, too. Whoever can put text into such an answer and sees its length can guess
    what else is in it (BREACH): only for answers in which nothing that a caller sends stands beside secrets."""
