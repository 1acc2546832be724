"""Bodies of every kind, through the gateway: JSON, forms, multipart, XML, text, and the content codings around them.

An input is a path, header fields, an empty line, and the body; how the body is framed and cut is chosen by its bytes.
Whatever they are: nothing raises, nothing takes long, and of what the service gets other readers (the standard
library's, and jsonschema's) find only what the document declares.
"""

from __future__ import annotations

import email
import gzip
import json
import re
import time
import zlib
from email.message import Message as Email
from random import Random
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import jsonschema
import yaml
from mutations import mutate_json
from world import ANSWER, HERE, ORDER, Message, World, check_refusal, loop, read_answer, require

LONGEST_SECONDS = 2.0
_HEAD = re.compile(rb"(/[a-z]{1,9})\n((?:[A-Za-z-]{1,30}: [ -~]{0,200}\n){0,4})\n")
_FRAMING = (b"content-length", b"transfer-encoding", b"host", b"connection", b"expect", b"upgrade")
_SCHEMAS: Any = yaml.safe_load((HERE / "shop.yaml").read_text(encoding="utf-8"))["components"]["schemas"]
_ORDER = jsonschema.Draft202012Validator({"$ref": "#/components/schemas/Order", "components": {"schemas": _SCHEMAS}})


def check(data: bytes) -> None:
    """Raise if anything of that does not hold for ``data``."""
    head = _HEAD.match(data)
    if head is None:
        return
    fields = [line for line in head[2].split(b"\n") if line and not line.lower().startswith(_FRAMING)]
    begun = time.process_time()
    loop().run_until_complete(_converse(head[1], fields, data[head.end() :]))
    require(time.process_time() - begun < LONGEST_SECONDS, "it took long", time.process_time() - begun)


def mutate(data: bytes, chance: Random) -> bytes | None:
    """Another value where the body is JSON; where it is gzip, another body in it."""
    head = _HEAD.match(data)
    if head is None:
        return None
    body = data[head.end() :]
    if b"Content-Encoding: gzip\n" not in head[0]:
        changed = mutate_json(body, chance)
        return None if changed is None else head[0] + changed
    try:
        inner = bytearray(zlib.decompressobj(31).decompress(body, 10_000))
    except zlib.error:
        return None
    at = chance.randrange(len(inner) + 1)
    inner[at:at] = chance.randbytes(chance.randrange(4))
    return head[0] + gzip.compress(mutate_json(bytes(inner), chance) or inner, mtime=0)


def _respond(_message: Message) -> bytes:
    return ANSWER % (len(ORDER), ORDER)


async def _converse(path: bytes, fields: list[bytes], body: bytes) -> None:
    world = World(_respond)
    if zlib.crc32(body) % 2:
        framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:100], body[100:]) if piece)
        framing, framed = b"Transfer-Encoding: chunked", framed + b"0\r\n\r\n"
    else:
        framing, framed = b"Content-Length: %d" % len(body), body
    head = b"\r\n".join([b"POST /shop%b HTTP/1.1" % path, b"Host: shop", *fields, framing, b"", b""])
    await world.send(head + framed)
    await world.end()
    (record,) = world.records
    if not world.transport.sent:
        return
    answer, rest = read_answer(world.transport.sent, record.method, world.transport.closed)
    require(not rest, "bytes behind the answer", rest)
    if record.decision == "refuse":
        check_refusal(answer, record)
        require(answer.status < 500 or answer.status == 503, "a fault of ours", record)
    for message in world.messages:
        if kind := _KINDS.get(path):
            require(
                message.fields.get(b"content-encoding") is None, "a coding that nobody has taken off", message.fields
            )
            kind(message)


def _declared(names: set[str], *declared: str) -> None:
    require(names <= set(declared), "the service gets what is not declared", names)


def _check_json(message: Message) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        require(len(dict(pairs)) == len(pairs), "a repeated key", pairs)
        return dict(pairs)

    if not message.body:
        return
    value = json.loads(message.body.decode(), object_pairs_hook=once)
    require(_ORDER.is_valid(value), "jsonschema refuses what was let pass", value)
    _check_fields(value)


def _check_fields(order: dict[str, Any]) -> None:
    _declared(set(order), "name", "qty", "price", "parts", "kind")
    for part in order.get("parts", ()):
        _check_fields(part)


def _check_form(message: Message) -> None:
    pairs = parse_qsl(message.body.decode(), keep_blank_values=True, errors="strict")
    names = [name for name, _ in pairs]
    _declared(set(names), "name", "qty", "tags", "order")
    require("name" in names and all(names.count(name) == 1 for name in {*names} - {"tags"}), "fields twice", names)
    for name, value in pairs:
        require(name != "qty" or re.fullmatch(r"-?[0-9]+(?:\.0+)?(?:[eE][+-]?[0-9]+)?", value), "no integer", value)
        require(name != "name" or len(value) <= 20, "longer than its schema allows", value)


def _check_parts(message: Message) -> None:
    (content_type,) = message.fields[b"content-type"]
    # Read once more as an e-mail is: by other code, and another grammar for the boundary.
    parsed = email.message_from_bytes(b"Content-Type: " + content_type + b"\r\n\r\n" + message.body)
    require(parsed.is_multipart(), "others see no parts", content_type)
    parts: list[Email] = [part for part in parsed.get_payload() if isinstance(part, Email)]  # type: ignore[union-attr]
    names = [str(part.get_param("name", header="content-disposition")) for part in parts]
    _declared(set(names), "name", "qty", "order", "files")
    require("name" in names and names.count("files") <= 3, "others see other parts", names)
    for part in parts:
        file = part.get_filename() or ""
        require(not re.search(r"[/\\\0]|\.\.", file), "a file name that is a path", file)


def _check_xml(message: Message) -> None:
    require(b"<!" not in message.body.replace(b"<![CDATA[", b"").replace(b"<!--", b""), "a declaration", message.body)
    root = ElementTree.fromstring(message.body)  # without declarations there is nothing to expand
    require(root.tag == "order", "another root", root.tag)
    _declared({child.tag for child in root}, "name", "parts")
    _declared(set(root.attrib), "id")


def _check_text(message: Message) -> None:
    require(len(message.body.decode()) <= 100, "longer than its schema allows", message.body)


_KINDS = {
    b"/orders": _check_json,
    b"/strip": _check_json,
    b"/form": _check_form,
    b"/parts": _check_parts,
    b"/xml": _check_xml,
    b"/text": _check_text,
}
