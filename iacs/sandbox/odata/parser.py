"""The parser of filter expressions; precedence: `not`, comparisons, `and`, `or`."""

from collections.abc import Iterator
from dataclasses import dataclass

from iacs.sandbox.odata.syntax import (
    AnyOf,
    Call,
    Comparison,
    Expression,
    FilterError,
    Literal,
    Logical,
    Not,
    Operand,
    Path,
    Token,
    tokens,
)

_COMPARISONS = {"eq", "ne", "gt", "ge", "lt", "le"}
_FUNCTIONS = {"contains", "startswith"}
_CONSTANTS = {"string", "instant", "date", "number", "constant"}
_RESERVED = _COMPARISONS | {"and", "or", "not"}
_MAX_NODES = 100


@dataclass(frozen=True)
class Filter:
    """A parsed filter; `properties` are in the order of their first appearance."""

    expression: Expression
    properties: tuple[Path, ...]


class _Parser:
    """A recursive-descent parser of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(tokens(text))
        self._next = 0
        self._nodes = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._token
        self._next += token.kind != "end"
        return token

    def _accept(self, *words: str) -> str | None:
        """Consume a keyword or punctuation mark if it comes next."""
        token = self._token
        if token.kind in {"name", "mark"} and token.text in words:
            return self._take().text
        return None

    def _expect(self, word: str) -> None:
        if self._accept(word) is None:
            raise self._error(f"'{word}' expected")

    def _error(self, message: str) -> FilterError:
        return FilterError(f"{message} at position {self._token.offset} in '{self._text}'.")

    def parse(self) -> Expression:
        """Return the expression; raise FilterError if tokens are left."""
        expression = self._or()
        if self._token.kind != "end":
            raise self._error("Syntax error")
        return expression

    def _or(self) -> Expression:
        left = self._and()
        while self._accept("or"):
            left = Logical("or", left, self._and())
        return left

    def _and(self) -> Expression:
        left = self._not()
        while self._accept("and"):
            left = Logical("and", left, self._not())
        return left

    def _not(self) -> Expression:
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise FilterError(f"The node count limit of '{_MAX_NODES}' has been exceeded.")
        return Not(self._not()) if self._accept("not") else self._comparison()

    def _comparison(self) -> Expression:
        if self._accept("("):
            inner = self._or()
            self._expect(")")
            return inner
        left = self._operand()
        operator = self._accept(*_COMPARISONS)
        if operator is None:
            return left
        if not isinstance(left, Literal | Path):
            raise self._error("Only properties and constants can be compared")
        return Comparison(operator, left, self._plain_operand())

    def _plain_operand(self) -> Operand:
        operand = self._operand()
        if not isinstance(operand, Literal | Path):
            raise self._error("A property or a constant expected")
        return operand

    def _operand(self) -> Expression:
        if self._token.kind not in _CONSTANTS | {"name"} or self._token.text in _RESERVED:
            raise self._error("A property or a constant expected")
        token = self._take()
        if token.kind in _CONSTANTS:
            return Literal(token.value)
        if self._token.text == "(" and self._token.kind == "mark":
            return self._call(token.text)
        return self._path(token.text)

    def _call(self, function: str) -> Expression:
        if function not in _FUNCTIONS:
            raise FilterError(f"An unknown function with name '{function}' was found.")
        self._expect("(")
        first = self._plain_operand()
        self._expect(",")
        second = self._plain_operand()
        self._expect(")")
        return Call(function, (first, second))

    def _path(self, first: str) -> Expression:
        segments = [first]
        while self._accept("/"):
            name = self._take()
            if name.kind != "name":
                raise self._error("A property name expected")
            if name.text == "any" and self._accept("("):
                return self._any(Path(tuple(segments)))
            segments.append(name.text)
        return Path(tuple(segments))

    def _any(self, collection: Path) -> Expression:
        variable = self._take().text
        self._expect(":")
        condition = self._or()
        self._expect(")")
        return AnyOf(collection, variable, condition)


def _paths(expression: Expression) -> Iterator[Path]:
    match expression:
        case Path():
            yield expression
        case Comparison(_, left, right) | Logical(_, left, right) | Call(_, (left, right)):
            yield from _paths(left)
            yield from _paths(right)
        case Not(operand):
            yield from _paths(operand)
        case AnyOf(collection):
            yield collection


def parse_filter(text: str) -> Filter:
    """Parse a $filter; raises FilterError."""
    expression = _Parser(text).parse()
    return Filter(expression, tuple(dict.fromkeys(_paths(expression))))
