"""Why a request's parameters can't be read."""

from __future__ import annotations

from typing import Literal

from portcullis.engine.openapi.parameter_reading import Location

Fault = Literal["missing", "undeclared", "malformed", "repeated", "separator", "too many", "too deep", "alike"]
Path = tuple[str | int, ...]


class UnreadableError(ValueError):
    """A text is not written as its style asks: ``fault`` at ``path`` in the value, where ``text`` was found."""

    def __init__(self, fault: Fault = "malformed", path: Path = (), text: str = "") -> None:
        super().__init__(fault)
        self.fault: Fault = fault
        self.path = path
        self.text = text


class ArgumentError(ValueError):
    """A request's parameters can't be read: ``fault`` of ``name`` in ``location``, whose ``text`` was sent.

    ``path``: where in the value of the parameter, if that is known.
    """

    def __init__(self, fault: Fault, location: Location, name: str = "", text: str = "", path: Path = ()) -> None:
        super().__init__(fault)
        self.fault: Fault = fault
        self.location: Location = location
        self.name = name
        self.text = text
        self.path = path
