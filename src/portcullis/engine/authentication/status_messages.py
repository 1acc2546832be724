"""What workers and the control process say to each other about certificates of clients of which nothing is known.

A worker asks about a chain that has been verified, and names the listener whose rules say who may be asked: it can't
make the control process call any place that the file does not name.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

TOPIC: Final = "certificate_status"
"""Of the questions."""
MAX_CHAIN: Final = 10
"""Certificates of one chain, the trusted one included."""

OcspStatus = Literal["good", "revoked", "unknown"]


class StatusQuestion(msgspec.Struct, frozen=True, array_like=True):
    """What holds of ``chain``, in DER: the client's own certificate first, the one that is trusted last?"""

    listener: str
    chain: tuple[bytes, ...]


class CertificateStatus(msgspec.Struct, frozen=True, array_like=True):
    """What its authority says of a certificate, until when: by its issuer's name in DER and its serial number."""

    issuer: bytes
    serial: bytes
    status: OcspStatus
    until: float


encode = msgspec.msgpack.Encoder().encode
decode_question = msgspec.msgpack.Decoder(StatusQuestion).decode
decode_answer = msgspec.msgpack.Decoder(tuple[CertificateStatus, ...]).decode
