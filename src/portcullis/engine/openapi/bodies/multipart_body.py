"""``multipart/form-data``: what each part may be, checked as soon as the part has arrived.

Files are counted and passed on as they come. What is text, JSON or XML is held until it is whole, checked by its own
schema, and put into the value of the form, which at the end is checked by the schema of the body; files stand in it as
texts that say nothing. So a wrong part is refused while those after it are still under way, and nothing large is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

import msgspec
import orjson

from portcullis.engine.decision import shorten
from portcullis.engine.openapi.arguments.brackets import keys_of, parts_of, plant
from portcullis.engine.openapi.arguments.errors import UnreadableError
from portcullis.engine.openapi.arguments.plans import Fits
from portcullis.engine.openapi.arguments.query import Undeclared
from portcullis.engine.openapi.arguments.values import candidates
from portcullis.engine.openapi.arguments.wording import kinds
from portcullis.engine.openapi.bodies.binary_body import ByteCounter
from portcullis.engine.openapi.bodies.errors import BodyError, Fault, UnfitError
from portcullis.engine.openapi.bodies.form_body import has_still, refuse_override
from portcullis.engine.openapi.bodies.json_body import read_json
from portcullis.engine.openapi.bodies.multipart_heads import check_file_name, check_type
from portcullis.engine.openapi.bodies.multipart_wire import MultipartReader, PartHead, write_parts
from portcullis.engine.openapi.bodies.roles import Content
from portcullis.engine.openapi.bodies.text_body import read_text, typed
from portcullis.engine.openapi.bodies.xml_body import XmlReader
from portcullis.engine.openapi.multipart_reading import FURTHER, SpecPart, SpecParts
from portcullis.engine.strict_json import Limits

MAX_PARTS: Final = 1_000
"""Parts of one body (Werkzeug, PHP: 1,000 fields; Django: 1,000 and 100 files)."""
MAX_TEXT: Final = 1024 * 1024
"""Bytes of all parts together that are no files (Werkzeug: 500 kB, Django: 2.5 MB)."""

_MAX_NAME: Final = 60


class PartPlan(msgspec.Struct, frozen=True):
    """How a part is read.

    ``key``: the checker's name of the schema that it is checked against as soon as it is there, ``""`` if that is left
    to the schema of the whole; ``placeholder``: what stands for a file; ``xml``: what reads XML.
    """

    spec: SpecPart
    key: str
    placeholder: str
    xml: XmlReader | None


class MultipartPlan:
    """How bodies of ``parts`` are read. ``names``, ``fits``: of the checker; ``key``: of the schema of the whole."""

    def __init__(
        self,
        key: str,
        parts: SpecParts,
        names: Mapping[str, str],
        fits: Fits,
        undeclared: Undeclared,
        limits: Limits,
    ) -> None:
        self.key = key
        self.fits = fits
        self.undeclared = undeclared
        self.limits = limits
        self.parts = {
            part.name: PartPlan(
                part,
                "" if part.schema is None or (undeclared == "strip" and part.form == "json") else names[part.schema],
                "x" * part.bounds.least,
                None if part.xml is None else XmlReader(part.xml, undeclared, limits),
            )
            for part in parts.parts
        }
        self.further = self.parts.pop(FURTHER, None)
        self.declared = " or ".join(list(self.parts)[:10]) or "no parts"

    def find(self, name: str) -> PartPlan | None:
        """The plan for parts called ``name``."""
        found = self.parts.get(name)
        if found is not None and not found.spec.is_deep:
            return found
        found = self.parts.get(name[: name.find("[")]) if "[" in name else None
        return found if found is not None and found.spec.is_deep else self.further


class MultipartBody(msgspec.Struct, frozen=True):
    """A form whose parts are divided by ``boundary``, read as it comes."""

    plan: MultipartPlan
    boundary: bytes
    is_held: ClassVar[Literal[False]] = False

    @property
    def key(self) -> str:
        """The checker's name of the schema of the whole."""
        return self.plan.key

    def scanner(self) -> FormScanner:
        """What reads one."""
        return FormScanner(self.plan, self.boundary)


class HeldMultipartBody(msgspec.Struct, frozen=True):
    """The same, held back until it is whole, so that what is not declared can be left out."""

    plan: MultipartPlan
    boundary: bytes
    is_held: ClassVar[Literal[True]] = True

    @property
    def key(self) -> str:
        """The checker's name of the schema of the whole."""
        return self.plan.key

    def read(self, data: bytes) -> Content:
        """What the form says, and its text without parts that are not declared."""
        scanner = FormScanner(self.plan, self.boundary)
        scanner.feed(data)
        content = scanner.end()
        return Content(content.value, self.write(data, content.value) if scanner.dropped else None)

    def write(self, data: bytes, value: Any) -> bytes | None:
        """``data`` without the parts that ``value`` has no more, and with JSON as it is there."""
        text = write_parts(data, self.boundary, _Rewriter(self.plan, value), MAX_PARTS)
        # What is sent on must say what was checked, or it is not sent.
        scanner = FormScanner(self.plan, self.boundary)
        scanner.feed(text)
        return text if scanner.end().value == value else None


class FormScanner:
    """Reads one body of ``plan``. ``dropped``: whether it had parts that are not declared, which it passed over."""

    __slots__ = ("_current", "_plan", "_reader", "_seen", "_text_bytes", "_trees", "_values", "dropped")

    def __init__(self, plan: MultipartPlan, boundary: bytes) -> None:
        self._plan = plan
        self._reader = MultipartReader(boundary, self, MAX_PARTS)
        self._values: dict[str, Any] = {}
        self._trees: dict[str, dict[str, Any]] = {}
        self._seen: set[str] = set()
        self._text_bytes = 0
        self._current: _OpenPart | None = None
        self.dropped = False

    def feed(self, data: bytes) -> None:
        """The next piece of the body."""
        self._reader.feed(data)

    def end(self) -> Content:
        """The body is whole: its value."""
        self._reader.end()
        for name, tree in self._trees.items():
            self._values[name] = self._of_tree(self._plan.parts[name], tree)
        return Content(self._values)

    # As the handler of the reader.

    def begin(self, head: PartHead) -> None:
        """A part begins: see whether there may be one like it."""
        name = head.name
        plan = self._plan.find(name)
        refuse_override(name, self._plan.parts)
        if plan is None:
            if self._plan.undeclared == "refuse":
                detail = f"The part {shorten(name, _MAX_NAME)} is not declared."
                raise BodyError("undeclared", detail, path=(name,), allowed=self._plan.declared)
            self.dropped |= self._plan.undeclared == "strip"
            self._current = None
            return
        spec = plan.spec
        what = f"The part {shorten(name, _MAX_NAME)}"
        if name in self._seen and not spec.is_list:
            raise BodyError("duplicate", f"{what} is given more than once.", path=(name,), allowed="one part")
        self._seen.add(name)
        check_file_name(head, spec, what)
        check_type(head, spec, what)
        counter = None
        if spec.form == "bytes":
            counter = ByteCounter(spec.bounds, what, (name,))
        self._current = _OpenPart(name, what, plan, counter, bytearray())

    def content(self, data: bytes) -> None:
        """A piece of its content."""
        part = self._current
        if part is None:
            return
        if part.counter is not None:
            part.counter.feed(data)
            return
        self._text_bytes += len(data)
        if self._text_bytes > MAX_TEXT:
            most = f"at most {MAX_TEXT} bytes of parts that are no files"
            raise BodyError("limit", f"{part.what} is too long.", path=(part.name,), allowed=most)
        part.text += data

    def finish(self) -> None:
        """It is whole: read and check it."""
        part, self._current = self._current, None
        if part is None:
            return
        name, plan = part.name, part.plan
        if part.counter is not None:
            part.counter.end()
            self._add(name, plan.spec, plan.placeholder)
            return
        data = bytes(part.text)
        if plan.spec.is_deep:
            self._plant(part, read_text(data, part.what, (name,)))
            return
        value = self._value(part, data)
        is_joined = plan.spec.is_list and plan.spec.form == "json" and isinstance(value, list)
        if plan.key and not is_joined and not self._plan.fits({plan.key: value}):
            path = (name, len(self._values.get(name, ()))) if plan.spec.is_list else (name,)
            raise UnfitError(plan.key, value, path)
        if is_joined:
            self._values.setdefault(name, []).extend(value)
        else:
            self._add(name, plan.spec, value)

    def _add(self, name: str, spec: SpecPart, value: Any) -> None:
        if spec.is_list:
            self._values.setdefault(name, []).append(value)
        else:
            self._values[name] = value

    def _value(self, part: _OpenPart, data: bytes) -> Any:
        """What the content ``data`` of a part says."""
        spec, path = part.plan.spec, (part.name,)
        if spec.form == "json":
            return read_json(data, self._plan.limits, path)
        if part.plan.xml is not None:
            return part.plan.xml.read(data, path)
        text = read_text(data, part.what, path)
        if not spec.separator:
            try:
                return typed(text, spec.shape, part.plan.key, self._plan.fits)
            except ValueError:
                raise _of_another_type(part.what, spec, path) from None
        values = candidates([*text.split(spec.separator)], spec.shape)
        if not values:
            raise _of_another_type(part.what, spec, path)
        return values[0]

    def _plant(self, part: _OpenPart, text: str) -> None:
        """Put the value of a part whose name is a way in brackets where that leads to."""
        name, _, _ = part.name.partition("[")
        try:
            plant(self._trees.setdefault(name, {}), keys_of(part.name[len(name) :]), text)
        except UnreadableError as error:
            fault: Fault = "duplicate" if error.fault == "repeated" else "part"
            detail = f"{part.what} can't be read: its name is not a way to one value."
            raise BodyError(fault, detail, path=(name, *error.path), allowed="name[field]") from None

    def _of_tree(self, plan: PartPlan, tree: dict[str, Any]) -> Any:
        name, shape = plan.spec.name, plan.spec.shape
        what = f"The part {shorten(name, _MAX_NAME)}"
        try:
            values = candidates(parts_of(tree, shape), shape)
        except UnreadableError as error:
            raise _of_another_type(what, plan.spec, (name, *error.path)) from None
        if not values:
            raise _of_another_type(what, plan.spec, (name,))
        fits, key = self._plan.fits, plan.key
        return next((value for value in values if not key or fits({key: value})), values[0])


class _OpenPart(msgspec.Struct):
    """The part that is being read: bytes are counted, everything else is held in ``text``."""

    name: str
    what: str
    plan: PartPlan
    counter: ByteCounter | None
    text: bytearray


class _Rewriter:
    """Decides what becomes of each part when a form is written anew, which has the value ``value`` now."""

    def __init__(self, plan: MultipartPlan, value: dict[str, Any]) -> None:
        self._plan = plan
        self._value = value
        self._counts: dict[str, int] = {}

    def __call__(self, head: PartHead, content: bytes) -> bytes | None:
        """The content of a part, or ``None`` if it is left out."""
        name = head.name
        plan = self._plan.find(name)
        if plan is not None and plan.spec.is_deep:
            top = plan.spec.name
            return content if has_still(self._value, (top, *keys_of(name[len(top) :]))) else None
        if plan is None or name not in self._value:
            return None
        if plan.spec.form != "json":
            return content
        value = self._value[name]
        if plan.spec.is_list:
            was = orjson.loads(content)
            begin = self._counts.get(name, 0)
            self._counts[name] = begin + (len(was) if isinstance(was, list) else 1)
            value = value[begin : self._counts[name]] if isinstance(was, list) else value[begin]
        return orjson.dumps(value)


def _of_another_type(what: str, spec: SpecPart, path: tuple[str | int, ...]) -> BodyError:
    allowed = kinds(spec.shape)
    return BodyError("type", f"{what} must be {allowed}.", path=path, found="text", allowed=allowed)
