"""Files of records, kept beside the configuration: JSON, JSON lines or YAML, each a list.

What ``portcullis keys list --format json`` and ``portcullis users export`` print are such files. They hold hashes,
never keys and passwords.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
import yaml

MAX_FILE: Final = 32 * 1024 * 1024
T = TypeVar("T")


def read_records(content: bytes, wanted: type[T]) -> list[T]:
    """The records in ``content``. Raises ``ValueError`` with the place of the first mistake."""
    if len(content) > MAX_FILE:
        raise ValueError(f"the file is larger than {MAX_FILE // 1024**2} MiB")
    start = content.lstrip()[:1]
    try:
        if start == b"[":
            return msgspec.json.Decoder(list[wanted]).decode(content)  # type: ignore[valid-type]
        if start == b"{":
            return msgspec.json.Decoder(wanted).decode_lines(content)
        return msgspec.convert(yaml.load(content, Loader=yaml.CSafeLoader) or [], list[wanted])  # type: ignore[valid-type]
    except yaml.YAMLError as error:
        raise ValueError(f"not readable as YAML: {' '.join(str(error).split())}") from error
