"""From the text of a rule to its tree.

    condition  = all {"or" all}
    all        = term {"and" term}
    term       = "not" term | "(" condition ")" | comparison
    comparison = operand ("==" | "!=" | "in" | "not" "in") operand | path | call
    operand    = path | text | integer | "true" | "false" | "[" [literal {"," literal}] "]"
    path       = ("request" | "response" | "identity") {"." name | "[" text "]" | "[" "]"}
    call       = name "(" [operand {"," operand}] ")"

``not`` binds tighter than ``and``, that tighter than ``or``.
"""

from __future__ import annotations

from typing import Final, get_args

from portcullis.engine.config.wording import suggest
from portcullis.engine.objects.syntax import (
    EACH,
    AllOf,
    AnyOf,
    Call,
    Condition,
    Constant,
    Equal,
    Holds,
    Listed,
    Member,
    Not,
    Operand,
    Path,
    Root,
    Rule,
    Scalar,
    Step,
)
from portcullis.engine.objects.tokens import KEYWORDS, RuleError, Span, Token, error_at, tokens_of

ROOTS: Final[tuple[Root, ...]] = get_args(Root)
_MAX_DEPTH: Final = 20
_MAX_PARTS: Final = 64
_MAX_STEPS: Final = 32
_MAX_LISTED: Final = 200
_OPERATORS: Final = ("==", "!=", "in", "not")


def parse(text: str) -> Rule:
    """The rule that ``text`` says. Raises :class:`~portcullis.engine.objects.tokens.RuleError`."""
    return _Parser(text).rule()


def parse_path(text: str) -> Path:
    """The path that ``text`` says and nothing else. Raises :class:`~portcullis.engine.objects.tokens.RuleError`."""
    match parse(text).condition:
        case Holds(Path() as path):
            return path
    raise RuleError("this is no path", "a path such as response.items")


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens_of(text)
        self._at = 0
        self._depth = 0
        self._parts = 0

    def rule(self) -> Rule:
        if self._next.kind == "end":
            raise self._error("a rule says something", "response.customer_id == identity.subject")
        condition = self._any()
        token = self._next
        if token.kind != "end":
            if token.value in _OPERATORS:
                raise self._error("a comparison has two sides", "join several with and")
            raise self._error(f"{self._shown(token)} was not expected here", "and, or, or the end of the rule")
        return Rule(self._text, condition)

    # Conditions

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts), Span(parts[0].span.start, parts[-1].span.end))

    def _all(self) -> Condition:
        parts = [self._term()]
        while self._take("and"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts), Span(parts[0].span.start, parts[-1].span.end))

    def _term(self) -> Condition:
        first = self._next
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error(f"more than {_MAX_DEPTH} levels of parentheses and nots", "say it more simply")
        found: Condition
        if self._take("not"):
            inner = self._term()
            found = Not(inner, Span(first.span.start, inner.span.end))
        elif self._take("("):
            found = self._any()
            self._expect(")", "the parenthesis is not closed")
        else:
            found = self._comparison()
        self._depth -= 1
        return found

    def _comparison(self) -> Condition:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise self._error(f"a rule has at most {_MAX_PARTS} comparisons", "say it more simply")
        left = self._operand()
        token = self._next
        if token.value in ("==", "!=") and token.kind == "mark":
            self._at += 1
            right = self._value()
            return Equal(self._as_value(left), right, token.value == "!=", Span(left.span.start, right.span.end))
        negated = token.value == "not" and self._tokens[self._at + 1].value == "in" and self._take("not")
        if self._take("in"):
            right = self._value()
            return Member(self._as_value(left), right, negated, Span(left.span.start, right.span.end))
        if isinstance(left, Path | Call):
            return Holds(left, left.span)
        raise error_at(self._text, left.span.start, "a value alone says nothing", "compare it: ==, !=, in or not in")

    # Operands

    def _value(self) -> Operand:
        return self._as_value(self._operand())

    def _as_value(self, operand: Operand | Call) -> Operand:
        if isinstance(operand, Call):
            message = f"{operand.name} answers yes or no: it can't be compared"
            raise error_at(self._text, operand.span.start, message, f"{operand.name}(...), or not {operand.name}(...)")
        return operand

    def _operand(self) -> Operand | Call:
        token = self._next
        if token.kind in ("text", "integer") or token.value in ("true", "false"):
            return Constant(self._literal(), token.span)
        if self._take("["):
            return self._listed(token)
        if token.kind == "name" and token.value not in KEYWORDS:
            return self._named(token)
        raise self._error(
            f"{self._shown(token)} was not expected here", "a path such as response.customer_id, or a value"
        )

    def _literal(self) -> Scalar:
        token = self._next
        self._at += 1
        if token.kind == "name" and token.value in ("true", "false"):
            return token.value == "true"
        if token.kind in ("text", "integer"):
            return token.value
        raise error_at(
            self._text, token.span.start, f"{self._shown(token)} is no value", 'text ("a"), an integer, true or false'
        )

    def _listed(self, first: Token) -> Listed:
        values: list[Scalar] = []
        while not self._take("]"):
            if values:
                self._expect(",", "the values of a list are separated by commas")
            if len(values) == _MAX_LISTED:
                raise self._error(f"a list in a rule has at most {_MAX_LISTED} values")
            values.append(self._literal())
        return Listed(tuple(values), Span(first.span.start, self._tokens[self._at - 1].span.end))

    def _named(self, first: Token) -> Path | Call:
        name = str(first.value)
        self._at += 1
        if self._take("("):
            return self._call(name, first)
        if name == "null":
            raise error_at(self._text, first.span.start, "null is the same as nothing, not even as null")
        root = next((root for root in ROOTS if root == name), None)
        if root is None:
            hint = suggest(name, ROOTS, "paths begin with")
            raise error_at(self._text, first.span.start, f"there is no {name}", hint)
        return self._path(root, first)

    def _path(self, root: Root, first: Token) -> Path:
        steps: list[Step] = []
        while True:
            if self._take("."):
                token = self._next
                if token.kind != "name":
                    raise self._error("after a dot stands a name", 'other names are written in brackets: ["..."]')
                steps.append(str(token.value))
                self._at += 1
            elif self._take("["):
                token = self._next
                if token.kind == "text":
                    steps.append(str(token.value))
                    self._at += 1
                else:
                    steps.append(EACH)
                self._expect("]", "in brackets stands a name in quotes, or nothing: each item")
            else:
                break
            if len(steps) > _MAX_STEPS:
                raise self._error(f"a path has at most {_MAX_STEPS} steps")
        return Path(root, tuple(steps), Span(first.span.start, self._tokens[self._at - 1].span.end))

    def _call(self, name: str, first: Token) -> Call:
        arguments: list[Operand] = []
        while not self._take(")"):
            if arguments:
                self._expect(",", "arguments are separated by commas")
            arguments.append(self._value())
        return Call(name, tuple(arguments), Span(first.span.start, self._tokens[self._at - 1].span.end))

    # Words

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, word: str) -> bool:
        """Go past the next word if it is ``word``."""
        token = self._next
        if token.value != word or token.kind not in ("name", "mark"):
            return False
        self._at += 1
        return True

    def _expect(self, mark: str, message: str) -> None:
        if not self._take(mark):
            raise self._error(message, f"{mark} instead of {self._shown(self._next)}")

    def _error(self, message: str, hint: str = "") -> RuleError:
        return error_at(self._text, self._next.span.start, message, hint)

    def _shown(self, token: Token) -> str:
        return "the end" if token.kind == "end" else self._text[token.span.start : token.span.end][:40]
