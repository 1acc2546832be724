"""Files of key hashes, kept beside the configuration: JSON, JSON lines or YAML, each a list of key records.

What ``portcullis keys list --format json`` prints is such a file. It holds digests, never keys.
"""

from __future__ import annotations

from typing import Final

import msgspec
import yaml

from portcullis.control.key_orders import InvalidOrder, KeyRecord

MAX_FILE: Final = 32 * 1024 * 1024


def read_key_file(content: bytes) -> list[KeyRecord]:
    """The records in ``content``. Raises :class:`InvalidOrder` with the place of the first mistake."""
    if len(content) > MAX_FILE:
        raise InvalidOrder(f"the file is larger than {MAX_FILE // 1024**2} MiB")
    start = content.lstrip()[:1]
    try:
        if start == b"[":
            return msgspec.json.decode(content, type=list[KeyRecord])
        if start == b"{":
            return msgspec.json.Decoder(KeyRecord).decode_lines(content)
        return msgspec.convert(yaml.load(content, Loader=yaml.CSafeLoader) or [], list[KeyRecord])
    except msgspec.MsgspecError as error:
        raise InvalidOrder(str(error)) from error
    except yaml.YAMLError as error:
        raise InvalidOrder(f"not readable as YAML: {' '.join(str(error).split())}") from error
