"""The tokens and the syntax tree of a filter expression."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

Value = str | bool | int | float | datetime | None


class FilterError(Exception):
    """The expression is not a valid filter; the message has the position and the reason."""


@dataclass(frozen=True)
class Literal:
    """A constant."""

    value: Value


@dataclass(frozen=True)
class Path:
    """A property, or one inside another: from/emailAddress/address."""

    segments: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """A comparison of two values; `operator` is eq, ne, gt, ge, lt or le."""

    operator: str
    left: "Operand"
    right: "Operand"


@dataclass(frozen=True)
class Call:
    """A call of contains or startswith."""

    function: str
    arguments: tuple["Operand", "Operand"]


@dataclass(frozen=True)
class AnyOf:
    """A condition that at least one element of a collection must satisfy."""

    collection: Path
    variable: str
    condition: "Expression"


@dataclass(frozen=True)
class Not:
    """A negation."""

    operand: "Expression"


@dataclass(frozen=True)
class Logical:
    """Two expressions joined by `and` or `or`."""

    operator: str
    left: "Expression"
    right: "Expression"


Operand = Literal | Path
Expression = Literal | Path | Comparison | Call | AnyOf | Not | Logical

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^']|'')*')
    | (?P<instant>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+-]\d\d:\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark>[(),/:])
    )""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True)
class Token:
    """A token, with its kind and its offset in the text."""

    kind: str
    text: str
    offset: int

    @property
    def value(self) -> Value:
        """The value of a constant."""
        try:
            return _constant(self.kind, self.text)
        except (ValueError, OverflowError):
            raise FilterError(
                f"'{self.text}' at position {self.offset} is not a valid {self.kind}."
            ) from None


def _constant(kind: str, text: str) -> Value:
    match kind:
        case "string":
            return text[1:-1].replace("''", "'")
        case "instant":
            whole, dot, fraction = text.partition(".")
            if dot:  # datetime knows microseconds at most
                digits = re.match(r"\d+", fraction)
                length = digits.end() if digits else 0
                whole += f".{fraction[:length][:6]:0<6}{fraction[length:]}"
            return datetime.fromisoformat(whole).astimezone(UTC)
        case "date":
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        case "number":
            return float(text) if "." in text else int(text)
    return {"true": True, "false": False, "null": None}[text]


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens; raise FilterError for text that is not a token."""
    offset, end = 0, len(text.rstrip())
    while offset < end:
        match = _TOKEN.match(text, offset)
        if not match or not match.lastgroup:
            raise FilterError(f"Syntax error at position {offset} in '{text}'.")
        kind, word = match.lastgroup, match[match.lastgroup]
        yield Token(
            "constant" if kind == "name" and word in {"true", "false", "null"} else kind, word, match.start()
        )
        offset = match.end()
    yield Token("end", "", offset)
