"""Where in a document the objects of a rule are: the document itself, a list, or below some field of it.

``response.items[].owner`` says so itself. A rule that says only ``response.owner`` is about one object; where the
document declares a list of them, the rule is about each. What is declared decides, and where that leaves two ways to
read the rule, the file has to say which one is meant: a rule about the wrong object protects nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from portcullis.engine.config.wording import suggest
from portcullis.engine.objects.declared import Kind, Place
from portcullis.engine.objects.surroundings import object_at
from portcullis.engine.objects.syntax import EACH, Path, Root, Rule, Step, written
from portcullis.engine.objects.tokens import RuleError

Steps: TypeAlias = tuple[Step, ...]
Places: TypeAlias = Sequence[tuple[str, Place]]
"""What answers can be, each with what it is called."""

_ONLY_OBJECTS: Final[frozenset[Kind]] = frozenset(("object",))
_NUMBERS: Final[frozenset[Kind]] = frozenset(("integer", "number"))
_MAX_FIELDS: Final = 200


def listed_at(rule: Rule, root: Root, paths: Sequence[Path] | None = None) -> Steps | None:
    """The steps to the list below ``root`` whose items ``rule`` means by ``[]``; ``None`` if it means none.

    ``paths``: those of its paths that are looked at. Raises :class:`~portcullis.engine.objects.tokens.RuleError` if
    there are several lists.
    """
    found: Steps | None = None
    for path in rule.paths() if paths is None else paths:
        steps = path.list_steps if path.root == root else None
        if steps is None:
            continue
        if found is not None and steps != found:
            message = f"a rule is about the items of one list, and this one is about {written(root, found)}[] already"
            raise rule.error(path, message, "[] stands at the same place everywhere")
        found = steps
    return found


def objects_at(rule: Rule, places: Places, items: Path | None) -> Steps:
    """The steps to the objects that ``rule`` is about, in answers that can be what ``places`` say.

    ``items``: what the file says about it. Raises :class:`~portcullis.engine.objects.tokens.RuleError`.
    """
    listed = listed_at(rule, "response")
    if listed is not None:
        if items is not None:
            raise _misplaced(items, "the rule itself says where the list is", "remove items")
        return listed
    if items is not None:
        return _said(places, items)
    steps = [path.item_steps for path in rule.paths("response")]
    found: Steps | None = None
    for status, place in places:
        candidates = [at for at, objects in _candidates(place) if all(objects.below(each) for each in steps)]
        if not candidates:
            return ()  # what is not declared is told of where the rule is checked
        if len(candidates) > 1:
            several = " or ".join(written("response", at) for at in candidates)
            hint = f"say where the objects are, items: {several}"
            raise RuleError(f"the rule could be meant of {several} in the answer {status}", hint)
        if found is not None and candidates[0] != found:
            message = f"the objects are at {written('response', found)} in one answer, and at"
            raise RuleError(
                f"{message} {written('response', candidates[0])} in the answer {status}", "write [] in the rule"
            )
        found = candidates[0]
    return found or ()


def _said(places: Places, items: Path) -> Steps:
    """What the file says, where it is declared."""
    if items.root != "response":
        raise _misplaced(items, "objects are looked for in the answer", "response.items")
    if items.steps and items.steps[-1] is EACH:
        hint = written("response", items.steps[:-1])
        raise _misplaced(items, "the place is that of the list, not of its items", hint)
    for status, place in places:
        if place.below(items.steps) is None:
            raise _misplaced(items, f"{items} is not declared in the answer {status}", _hint(place))
    return items.steps


def _misplaced(items: Path, message: str, hint: str) -> RuleError:
    return RuleError(message, hint, 1, items.span.start + 1)


def _hint(place: Place) -> str:
    lists = [written("response", at) for at, _ in _candidates(place) if at]
    return f"lists in it: {', '.join(lists)}" if lists else f"declared: {', '.join(place.names) or 'none'}"


def _candidates(place: Place) -> Iterator[tuple[Steps, Place]]:
    """Where in an answer objects can be: itself, and lists in its fields, or in the fields of an object in it."""
    yield (), object_at(place)
    kinds = place.meaning.kinds
    if kinds is not None and "object" not in kinds:
        return
    yield from _lists_in(place, ())
    for name in place.names[:_MAX_FIELDS]:
        below = place.field(name)
        if below is not None and below.meaning.kinds == _ONLY_OBJECTS:
            yield from _lists_in(below, (name,))


def _lists_in(place: Place, above: Steps) -> Iterator[tuple[Steps, Place]]:
    for name in place.names[:_MAX_FIELDS]:
        below = place.field(name)
        items = None if below is None else below.items
        if below is not None and items is not None and below.meaning.kinds is not None:
            yield (*above, name), items


def may_be_lists(places: Places, at: Steps) -> bool:
    """Whether what is ``at`` these steps may be a list in one of the answers."""
    found = [place.below(at) for _, place in places]
    kinds = [place.meaning.kinds for place in found if place is not None]
    return any(each is None or "list" in each for each in kinds)


def number_at(path: Path, places: Places) -> tuple[str, ...]:
    """The steps to the number that ``path`` names in answers.

    Raises :class:`~portcullis.engine.objects.tokens.RuleError` where there is none.
    """
    found = [place.below(path.steps) for _, place in places]
    if path.root != "response" or path.list_steps is not None or not path.steps or None in found:
        raise RuleError(f"{path} is not declared in the answer", suggest(str(path), _names(places), "declared"))
    kinds = [place.meaning.kinds for place in found if place is not None]
    if any(each is not None and each.isdisjoint(_NUMBERS) for each in kinds):
        raise RuleError(f"{path} is no number", "remove it")
    return path.item_steps


def _names(places: Places) -> list[str]:
    return list(dict.fromkeys(written("response", (name,)) for _, place in places for name in place.names))


def may_be_absent(place: Place, at: Steps) -> bool:
    """Whether an answer may lack what is ``at`` these steps: a field on the way need not be there."""
    found: Place | None = place
    for step in at:
        if found is None:
            return False
        if isinstance(step, str) and not found.requires(step):
            return True
        found = found.below((step,))
    return False
