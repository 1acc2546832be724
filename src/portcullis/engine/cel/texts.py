"""Functions of texts. What has to look at the whole of a text takes steps for its length."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from portcullis.engine.cel.compiled import Compiled, Frame, spend
from portcullis.engine.cel.errors import EvaluationError, no_overload

MAX_PATTERN: Final = 1_000
"""Characters of a regular expression."""
_MAX_MEMORY: Final = 2 * 1024 * 1024
"""Bytes that one compiled expression may take; where it would need more it matches in linear time all the same."""

_MATCH_STEPS: Final = 16
"""Steps that a match takes at least."""

_UPPER: Final = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], bool]:
    """What says whether ``pattern``, in RE2's syntax, is found in a text, in linear time.

    Raises :class:`EvaluationError` for what is no such pattern.
    """
    if len(pattern) > MAX_PATTERN:
        raise EvaluationError(f"a pattern of more than {MAX_PATTERN:,} characters")
    re2: Any = importlib.import_module("re2")
    options = re2.Options()
    options.max_mem, options.never_capture, options.log_errors = _MAX_MEMORY, True, False
    try:
        search = re2.compile(pattern, options).search
    except re2.error as error:
        reason = error.args[0]
        shown = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise EvaluationError(f"no regular expression: {shown}") from None
    return lambda text: search(text.encode()) is not None


def compile_matches(text: Compiled, pattern: str) -> Compiled:
    """``text.matches(pattern)``. Raises :class:`EvaluationError` for what is no pattern."""
    run, matches = text.run, matcher(pattern)

    def is_match(frame: Frame) -> bool:
        value = run(frame)
        if type(value) is not str:
            raise no_overload()
        spend(frame, _MATCH_STEPS + (len(value) >> 3))
        return matches(value)

    return Compiled(is_match, bool)


def compile_test(test: Callable[[str, str], bool]) -> Callable[[Compiled, Compiled], Compiled]:
    """The compiler of ``text.test(part)``."""

    def compile_it(text: Compiled, part: Compiled) -> Compiled:
        run, run_part = text.run, part.run

        def is_so(frame: Frame) -> bool:
            value, other = run(frame), run_part(frame)
            if type(value) is not str or type(other) is not str:
                raise no_overload()
            if len(value) > 64:
                spend(frame, len(value) >> 6)
            return test(value, other)

        return Compiled(is_so, bool)

    return compile_it


def contains(text: str, part: str) -> bool:
    """Whether ``part`` stands somewhere in ``text``."""
    return part in text


def lower_ascii(text: str) -> str:
    """``text`` with the letters A to Z in lower case; all others stay."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def upper_ascii(text: str) -> str:
    """``text`` with the letters a to z in upper case; all others stay."""
    return text.upper() if text.isascii() else text.translate(_UPPER)


def compile_map(change: Callable[[str], str]) -> Callable[[Compiled], Compiled]:
    """The compiler of ``text.change()``."""

    def compile_it(text: Compiled) -> Compiled:
        run = text.run

        def changed(frame: Frame) -> str:
            value = run(frame)
            if type(value) is not str:
                raise no_overload()
            spend(frame, len(value) >> 6)
            return change(value)

        return Compiled(changed, str)

    return compile_it


def compile_split(text: Compiled, separator: Compiled) -> Compiled:
    """``text.split(separator)``: the parts between separators; with an empty one, the characters."""
    run, run_separator = text.run, separator.run

    def split(frame: Frame) -> list[str]:
        value, between = run(frame), run_separator(frame)
        if type(value) is not str or type(between) is not str:
            raise no_overload()
        spend(frame, len(value) >> 2)
        return value.split(between) if between else list(value)

    return Compiled(split, list, str)
