"""Files of key hashes, as ``portcullis keys list --format json`` prints them."""

from __future__ import annotations

from portcullis.control.key_orders import InvalidOrder, KeyRecord
from portcullis.control.record_file import read_records


def read_key_file(content: bytes) -> list[KeyRecord]:
    """The records in ``content``. Raises :class:`InvalidOrder` with the place of the first mistake."""
    try:
        return read_records(content, KeyRecord)
    except ValueError as error:
        raise InvalidOrder(str(error)) from error
