"""The messages of one channel, by who sends them.

A document of version 2 speaks from the client's view: what clients ``publish`` goes to the service, and what they
``subscribe`` to comes from it. One of version 3 speaks from the service's view: it will ``receive`` and ``send``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import jsonschema_rs
import msgspec

from portcullis.engine.asyncapi.anatomy import ANATOMIES, SUPPORTED, version_of
from portcullis.engine.asyncapi.schemas import Schema, standing_alone, validator_of
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.decision import shorten
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi import reading
from portcullis.engine.openapi.anatomy import Anatomy
from portcullis.engine.openapi.bundle import ReadFile, bundle
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.references import follow
from portcullis.engine.openapi.sources import Sources

MAX_MESSAGES: Final = 500
"""Of one channel, in one direction."""
_FORMAT: Final = re.compile(
    r"application/(?:vnd\.aai\.asyncapi(?:\+json|\+yaml)?(?:;\s*version=[23]\.[0-9.]+)?"
    r"|schema\+(?:json|yaml)(?:;\s*version=draft-07)?)"
)
_JSON: Final = re.compile(r"application/(?:[a-z0-9.\-]+\+)?json(?:\s*;.*)?", re.IGNORECASE)


class ChannelError(ValueError):
    """The document has no such channel, or nothing is said of it. ``hint`` says what there is."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Message(msgspec.Struct, frozen=True, eq=False):
    """A message: where it stands (``feed.yaml#/components/messages/quote``), and what its payload may be."""

    source: str
    schema: Schema | bool
    validator: jsonschema_rs.Validator


class Channel(msgspec.Struct, frozen=True, eq=False):
    """The messages that clients may send, and those that the service may; a message fits exactly one of them."""

    source: str
    from_client: tuple[Message, ...]
    from_service: tuple[Message, ...]


def read_channel(source: str, data: bytes, read: Callable[[str, str], bytes], name: str) -> Channel:
    """The channel ``name`` (its key, or in version 3 its address) of the document ``data``, called ``source``.

    ``read`` gives the content of a file that a document refers to, by path and document. Raises :class:`ChannelError`,
    and :class:`ConfigurationError` with all places for which the document can't be used.
    """
    try:
        root = reading.read(data)
    except reading.UnreadableError as error:
        raise ConfigurationError(
            [Diagnostic(source, error.line, error.column, "", error.message, error.hint)]
        ) from None
    version, fault = version_of(root)
    if fault:
        raise ConfigurationError([Diagnostic(source, 1, 1, "", fault, SUPPORTED)])
    read_file: ReadFile = partial(read, document=source)  # type: ignore[call-arg]
    return _Reader(root, Sources(source, data), ANATOMIES[version], read_file).channel(name, version)


class _Reader:
    def __init__(self, root: dict[str, Any], sources: Sources, anatomy: Anatomy, read: ReadFile) -> None:
        self._problems = Problems()
        self._sources = sources
        self._anatomy = anatomy
        self._root = root
        bundle(root, sources, anatomy, self._problems, read)
        self._fail_if_wrong()

    def channel(self, name: str, version: str) -> Channel:
        pointer, channel = self._find(name)
        operations = self._operations_2(pointer, channel) if version == "2" else self._operations_3(pointer)
        found: dict[str, list[Message]] = {}
        for action, where in operations:
            found.setdefault(action, []).extend(self._message(each) for each in where)
        self._fail_if_wrong()
        source = self._sources.names.reference(pointer)
        if not found:
            raise ChannelError(f"{source} has no operations", "say of it what is sent, and by whom")
        for messages in found.values():
            if len(messages) > MAX_MESSAGES:
                raise ChannelError(f"{source} has more than {MAX_MESSAGES} messages", "give it fewer")
        return Channel(
            source,
            tuple(found.get("publish", found.get("receive", ()))),
            tuple(found.get("subscribe", found.get("send", ()))),
        )

    def _fail_if_wrong(self) -> None:
        if self._problems.has_errors:
            raise ConfigurationError(
                [each for each in self._sources.diagnostics(self._problems) if each.severity == "error"]
            )

    def _mapping(self, pointer: str) -> tuple[str, dict[str, Any]]:
        """The mapping at ``pointer``, references followed, and where it stands; an empty one where it is none."""
        try:
            where, value = follow(self._root, pointer, self._problems)
        except LookupError:
            return pointer, {}
        if not isinstance(value, dict):
            self._problems.error(where, "a mapping is expected here")
            return where, {}
        return where, value

    def _find(self, name: str) -> tuple[str, dict[str, Any]]:
        _, channels = self._mapping("/channels")
        addresses = {}
        for key in channels:
            where, channel = self._mapping(pointers.join("/channels", key))
            address = channel.get("address") or key
            if not isinstance(address, str):
                self._problems.error(pointers.join(where, "address"), "an address is a text")
                continue
            addresses[key] = addresses[address] = (where, channel)
        self._fail_if_wrong()
        if name not in addresses:
            known = [str(each) for each in addresses]
            near = difflib.get_close_matches(name, known, 1)
            there = f"did you mean {near[0]}?" if near else f"it has {shorten(', '.join(known)) or 'none'}"
            raise ChannelError(f"{self._sources.name} has no channel {shorten(name)}", there)
        return addresses[name]

    def _operations_2(self, pointer: str, channel: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
        for action in ("publish", "subscribe"):
            if action in channel:
                where, operation = self._mapping(pointers.join(pointer, action))
                yield action, self._alternatives(where, operation)

    def _alternatives(self, where: str, operation: dict[str, Any]) -> list[str]:
        if "message" not in operation:
            self._problems.error(where, "this operation names no message", "give it the key message")
            return []
        where, message = self._mapping(pointers.join(where, "message"))
        several = message.get("oneOf")
        if not isinstance(several, list):
            return [where]
        return [pointers.join(where, "oneOf", index) for index in range(len(several))]

    def _operations_3(self, pointer: str) -> Iterator[tuple[str, list[str]]]:
        _, operations = self._mapping("/operations")
        for key in operations:
            where, operation = self._mapping(pointers.join("/operations", key))
            at, channel = self._mapping(pointers.join(where, "channel"))
            if at != pointer:
                continue
            action = operation.get("action")
            if action not in ("send", "receive"):
                self._problems.error(pointers.join(where, "action"), "an action is send or receive")
                continue
            if isinstance(operation.get("messages"), list):
                places = [pointers.join(where, "messages", index) for index in range(len(operation["messages"]))]
            else:
                listed, messages = self._mapping(pointers.join(at, "messages")) if "messages" in channel else (at, {})
                places = [pointers.join(listed, name) for name in messages]
            yield action, places

    def _message(self, pointer: str) -> Message:
        where, message = self._mapping(pointer)
        kind = message.get("contentType", self._root.get("defaultContentType", "application/json"))
        if not isinstance(kind, str) or not _JSON.fullmatch(kind):
            self._problems.error(
                where, f"messages of {shorten(str(kind))} can't be checked", "only those of JSON, application/json"
            )
        schema: Schema | bool = True
        if "payload" in message:
            schema = self._payload(where, message)
        try:
            validator = validator_of(schema)
        except (ValueError, TypeError) as error:
            self._problems.error(
                pointers.join(where, "payload"), f"no valid JSON Schema: {shorten(str(error))}", "JSON Schema draft-07"
            )
            schema, validator = False, validator_of(False)
        return Message(self._sources.names.reference(where), schema, validator)

    def _payload(self, message_at: str, message: dict[str, Any]) -> Schema | bool:
        """The schema of a message's payload. Its format is said by the message in version 2, and beside it in 3."""
        pointer, told_at, told = pointers.join(message_at, "payload"), message_at, message.get("schemaFormat")
        where, payload = follow(self._root, pointer, self._problems)
        if "payload" in self._anatomy.below and isinstance(payload, dict) and "schema" in payload:
            pointer, told_at, told = pointers.join(where, "schema"), where, payload.get("schemaFormat")
            where, payload = follow(self._root, pointer, self._problems)
        if told is not None and not (isinstance(told, str) and _FORMAT.fullmatch(told)):
            self._problems.error(
                pointers.join(told_at, "schemaFormat"),
                f"schemas of the format {shorten(str(told))} can't be read",
                "those of AsyncAPI and JSON Schema draft-07",
            )
            return False
        if not isinstance(payload, dict | bool):
            self._problems.error(where, "a schema is expected here", "a mapping, or true or false")
            return False
        try:
            return standing_alone(self._root, pointer, self._anatomy)
        except (ValueError, LookupError):
            self._problems.error(
                pointer,
                "a reference in it stands where none is followed",
                "none in a list of items for each place",
            )
            return False
