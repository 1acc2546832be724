"""What a rule is, once it is read: a tree of conditions over operands.

Every part knows where in the rule it stands, for errors and for explanations.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from portcullis.engine.objects.tokens import RuleError, Span, error_at


class Each:
    """Stands in a path for each item of a list: ``[]``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "EACH"


EACH: Final = Each()
Step: TypeAlias = str | Each
Root: TypeAlias = Literal["request", "response", "identity"]
Scalar: TypeAlias = str | int | bool


class Path(msgspec.Struct, frozen=True):
    """Where a value is: ``response.items[].owner`` is ``items``, :data:`EACH`, ``owner`` below ``response``."""

    root: Root
    steps: tuple[Step, ...]
    span: Span

    @property
    def list_steps(self) -> tuple[Step, ...] | None:
        """The steps to the list whose items are meant, where ``[]`` says so: up to the last one."""
        for at in range(len(self.steps) - 1, -1, -1):
            if self.steps[at] is EACH:
                return self.steps[:at]
        return None

    @property
    def item_steps(self) -> tuple[str, ...]:
        """The steps from there, or from the root."""
        above = self.list_steps
        below = self.steps if above is None else self.steps[len(above) + 1 :]
        return tuple(step for step in below if isinstance(step, str))

    def __str__(self) -> str:
        return written(self.root, self.steps)


class Constant(msgspec.Struct, frozen=True):
    """A value that the rule says itself."""

    value: Scalar
    span: Span


class Listed(msgspec.Struct, frozen=True):
    """A list of values that the rule says itself."""

    values: tuple[Scalar, ...]
    span: Span


class Call(msgspec.Struct, frozen=True):
    """A question that something else answers: ``related("order", request.path.order_id, "owner")``."""

    name: str
    arguments: tuple[Operand, ...]
    span: Span


Operand: TypeAlias = Path | Constant | Listed


class Equal(msgspec.Struct, frozen=True):
    """Both are the same; ``negated``: they are not."""

    left: Operand
    right: Operand
    negated: bool
    span: Span


class Member(msgspec.Struct, frozen=True):
    """The left one is an item of the right one; ``negated``: it is not."""

    left: Operand
    right: Operand
    negated: bool
    span: Span


class Holds(msgspec.Struct, frozen=True):
    """What is there is true: ``response.is_public``."""

    operand: Path | Call
    span: Span


class Not(msgspec.Struct, frozen=True):
    """What is within does not hold."""

    inner: Condition
    span: Span


class AllOf(msgspec.Struct, frozen=True):
    """Each part holds (``and``)."""

    parts: tuple[Condition, ...]
    span: Span


class AnyOf(msgspec.Struct, frozen=True):
    """One part holds (``or``)."""

    parts: tuple[Condition, ...]
    span: Span


Atom: TypeAlias = Equal | Member | Holds
Condition: TypeAlias = Atom | Not | AllOf | AnyOf


class Rule(msgspec.Struct, frozen=True):
    """A rule: its text, and what it says."""

    text: str
    condition: Condition

    def said(self, part: Condition | Operand | Call) -> str:
        """The words of ``part``, on one line."""
        return " ".join(self.text[part.span.start : part.span.end].split())

    def error(self, part: Condition | Operand | Call, message: str, hint: str = "") -> RuleError:
        """What is wrong with ``part``."""
        return error_at(self.text, part.span.start, message, hint)

    def paths(self, root: Root | None = None) -> tuple[Path, ...]:
        """All paths in it, in order; those below ``root``, where it is given."""
        return tuple(path for path in paths_of(self.condition) if root is None or path.root == root)


def written(root: str, steps: tuple[Step, ...]) -> str:
    """A path as it would be written in a rule."""
    text = root
    for step in steps:
        if isinstance(step, Each):
            text += "[]"
        elif step.replace("-", "_").isidentifier() and step.isascii():
            text += f".{step}"
        else:
            quoted = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{quoted}"]'
    return text


def atoms_of(condition: Condition) -> tuple[Atom, ...]:
    """The comparisons and questions that ``condition`` is made of, in order."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return tuple(atom for part in parts for atom in atoms_of(part))
        case Not(inner):
            return atoms_of(inner)
        case atom:
            return (atom,)


def operands_of(atom: Atom) -> tuple[Operand, ...]:
    """What ``atom`` looks at."""
    match atom:
        case Equal(left, right) | Member(left, right):
            return (left, right)
        case Holds(Call(_, arguments)):
            return arguments
        case Holds(Path() as path):
            return (path,)
    raise TypeError(atom)


def paths_of(condition: Condition) -> tuple[Path, ...]:
    """All paths in ``condition``, in order."""
    return tuple(operand for atom in atoms_of(condition) for operand in operands_of(atom) if isinstance(operand, Path))


def conjuncts(condition: Condition) -> tuple[Condition, ...]:
    """The parts all of which have to hold: each can be asked as soon as what it looks at is there."""
    return (
        tuple(part for each in condition.parts for part in conjuncts(each))
        if isinstance(condition, AllOf)
        else (condition,)
    )


def conjunction(parts: tuple[Condition, ...]) -> Condition:
    """All of ``parts``, of which there is at least one, as one condition."""
    return parts[0] if len(parts) == 1 else AllOf(parts, Span(parts[0].span.start, parts[-1].span.end))
