"""Messages of a WebSocket judged when they are whole: by a JSON Schema, and by what attacks look like."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import jsonschema_rs
import orjson

from portcullis.engine import strict_json
from portcullis.engine.asyncapi.channel import Message
from portcullis.engine.asyncapi.schemas import telling_field
from portcullis.engine.codes import MESSAGE_ATTACK, MESSAGE_INVALID
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.inspection.inspector import Inspector
from portcullis.engine.openapi import reading
from portcullis.engine.openapi.compiling import compile_schema
from portcullis.engine.openapi.pointer import join
from portcullis.engine.openapi.wording import listing
from portcullis.engine.websocket.rules import MessageJudge

_MESSAGE: Final = "/message"
_Chosen = tuple[jsonschema_rs.Validator, str]
"""What a message has to fit, and where that stands."""


class SchemaError(ValueError):
    """What stands in a file is no schema that messages could be checked against. The message says why."""


def schema_judge(content: bytes, name: str) -> MessageJudge:
    """What judges messages by the JSON Schema in ``content``, of the file ``name``: JSON or YAML.

    A message that is checked is JSON in text. Raises :class:`SchemaError`.
    """
    try:
        schema: Any = reading.read(content)
    except reading.UnreadableError as error:
        raise SchemaError(f"{name}:{error.line}:{error.column}: {error.message}") from None
    if not isinstance(schema, dict | bool):
        raise SchemaError(f"{name} holds no JSON Schema: a schema is a mapping")
    try:
        validator = compile_schema(schema if isinstance(schema, bool) else orjson.dumps(schema).decode())
    except (ValueError, TypeError) as error:
        raise SchemaError(f"{name} is no valid JSON Schema: {shorten(str(error))}") from None
    return _judge_of(lambda _value: (validator, name), name)


def channel_judge(messages: Sequence[Message], source: str) -> MessageJudge:
    """What judges messages by those that a channel has for one direction: each must fit exactly one of them.

    ``source`` is the channel. Where a field tells them apart, it says which one a message has to fit, so that what is
    wrong with it can be told.
    """
    if not messages:
        refusal = Refuse(MESSAGE_INVALID, finding=Finding(_MESSAGE, "a message", "none in this direction", source))
        return lambda _is_text, _payload: refusal
    if len(messages) == 1:
        only = (messages[0].validator, messages[0].source)
        return _judge_of(lambda _value: only, source)
    told = telling_field([message.schema for message in messages])
    if told is None:
        return _judge_of(partial(_the_one, [(each.validator, each.source) for each in messages], source), source)
    field, numbers = told
    by_value = {value: (messages[number].validator, messages[number].source) for value, number in numbers.items()}
    place, allowed = join(_MESSAGE, field), shorten(listing(sorted(numbers)))
    unknown = Refuse(MESSAGE_INVALID, finding=Finding(shorten(place), "another value, or none", allowed, source))

    def told_by_field(value: Any) -> _Chosen | Refuse:
        said = value.get(field) if isinstance(value, dict) else None
        return by_value.get(said, unknown) if isinstance(said, str) else unknown

    return _judge_of(told_by_field, source)


def _the_one(candidates: list[_Chosen], source: str, value: Any) -> _Chosen | Refuse:
    fitting = [each for each in candidates if each[0].is_valid(value)]
    if len(fitting) == 1:
        return fitting[0]
    found = "a message that fits several" if fitting else "a message that fits none"
    return Refuse(MESSAGE_INVALID, finding=Finding(_MESSAGE, found, "exactly one of the channel's messages", source))


def _judge_of(choose: Callable[[Any], _Chosen | Refuse], source: str) -> MessageJudge:
    """What judges messages in JSON by the schema that ``choose`` gives for one, or refuses it; ``source`` has them."""

    def judge(is_text: bool, payload: bytes) -> Refuse | None:
        if not is_text:
            return Refuse(MESSAGE_INVALID, finding=Finding(_MESSAGE, "a binary message", "JSON in text", source))
        try:
            value = strict_json.loads(payload)
        except strict_json.MalformedJsonError as error:
            return Refuse(MESSAGE_INVALID, finding=Finding(_MESSAGE, shorten(str(error)), "JSON", source))
        chosen = choose(value)
        if isinstance(chosen, Refuse):
            return chosen
        validator, place = chosen
        return None if validator.is_valid(value) else _misfit(validator, value, place)

    return judge


def _misfit(validator: jsonschema_rs.Validator, value: Any, source: str) -> Refuse:
    where = next(iter(validator.iter_errors(value)), None)
    path = "".join(f"/{step}" for step in where.instance_path) if where is not None else ""
    rule = "".join(f"/{step}" for step in where.schema_path) if where is not None else ""
    rule = f"{source}{rule}" if "#" in source else f"{source}#{rule}"
    finding = Finding(shorten(_MESSAGE + path), "a value that does not fit", "what the schema says", rule)
    return Refuse(MESSAGE_INVALID, finding=finding)


def text_only(source: str) -> MessageJudge:
    """What refuses binary messages."""
    refusal = Refuse(MESSAGE_INVALID, finding=Finding(_MESSAGE, "a binary message", "text", source))

    def judge(is_text: bool, _payload: bytes) -> Refuse | None:
        return None if is_text else refusal

    return judge


def attack_judge(inspector: Inspector, source: str) -> MessageJudge:
    """What looks for attacks in text; in JSON it looks at the strings as they are read, escapes taken off."""

    def judge(is_text: bool, payload: bytes) -> Refuse | None:
        if not is_text:
            return None
        texts = [payload.decode()]
        if b"\\" in payload:
            # Strictly: of two members of one name only one would be looked at, and the service may read the other.
            with contextlib.suppress(strict_json.MalformedJsonError):
                texts = _strings(strict_json.loads(payload))
        for text in texts:
            if inspector.is_clean(text.encode("utf-8", "surrogatepass")):
                continue
            hit = inspector.find(text, "body")
            if hit is not None:
                found = shorten(f"{hit.pattern.id}: {hit.excerpt}")
                finding = Finding(_MESSAGE, found, f"text without {hit.pattern.description}", source)
                return Refuse(MESSAGE_ATTACK, finding=finding)
        return None

    return judge


def all_of(judges: list[MessageJudge]) -> MessageJudge | None:
    """One judge of several; ``None`` of none."""
    if len(judges) < 2:
        return judges[0] if judges else None

    def judge(is_text: bool, payload: bytes) -> Refuse | None:
        for each in judges:
            refusal = each(is_text, payload)
            if refusal is not None:
                return refusal
        return None

    return judge


def _strings(value: Any) -> list[str]:
    """All strings and keys in ``value``."""
    found: list[str] = []
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            found.append(each)
        elif isinstance(each, list):
            pending.extend(each)
        elif isinstance(each, dict):
            found.extend(each)
            pending.extend(each.values())
    return found
