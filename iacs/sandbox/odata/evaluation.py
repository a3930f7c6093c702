"""Evaluating a filter on a JSON object, with OData's three-valued logic (4.01, part 2, 5.1.1).

`eq` and `ne` compare null as a value; `gt ge lt le` with null are false; functions of null are null.
Strings are compared case-insensitively, as in Exchange.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from iacs.sandbox.odata.syntax import (
    AnyOf,
    Call,
    Comparison,
    Expression,
    FilterError,
    Literal,
    Logical,
    Not,
    Path,
)

_EDM = {bool: "Edm.Boolean", datetime: "Edm.DateTimeOffset", str: "Edm.String"}
_OPERATORS = {"eq": "Equal", "ne": "NotEqual", "gt": "GreaterThan", "ge": "GreaterThanOrEqual", "lt": "LessThan", "le": "LessThanOrEqual"}  # fmt: skip
Row = Mapping[str, Any]


def _value(operand: Expression, row: Row) -> Any:
    """Return the value of an operand; the text of a …DateTime property becomes a datetime."""
    if isinstance(operand, Literal):
        return operand.value
    if not isinstance(operand, Path):
        return _truth(operand, row)
    value: Any = row
    for segment in operand.segments:
        value = value.get(segment) if isinstance(value, Mapping) else None
    if value is not None and operand.segments[-1].endswith("DateTime"):
        return datetime.fromisoformat(value)
    return value


def _edm(value: object) -> str:
    return _EDM.get(type(value), "Edm.Double")


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator in {"eq", "ne"} and (left is None or right is None):
        return (left is right) == (operator == "eq")
    if left is None or right is None:
        return False
    if _edm(left) != _edm(right):
        raise FilterError(
            "A binary operator with incompatible types was detected. Found operand types "
            f"'{_edm(left)}' and '{_edm(right)}' for operator kind '{_OPERATORS[operator]}'."
        )
    if isinstance(left, str):
        left, right = left.casefold(), right.casefold()
    results = {
        "eq": left == right, "ne": left != right, "gt": left > right,
        "ge": left >= right, "lt": left < right, "le": left <= right,
    }  # fmt: skip
    return bool(results[operator])


def _call(call: Call, row: Row) -> bool | None:
    text, part = (_value(argument, row) for argument in call.arguments)
    if text is None or part is None:
        return None
    if not isinstance(text, str) or not isinstance(part, str):
        raise FilterError(
            f"No function signature for the function with name '{call.function}' matches the arguments."
        )
    text, part = text.casefold(), part.casefold()
    return text.startswith(part) if call.function == "startswith" else part in text


def _logical(node: Logical, row: Row) -> bool | None:
    """Return the truth of `and` or `or`; None if it depends on an unknown operand."""
    decisive = node.operator == "or"
    left = _truth(node.left, row)
    if left is decisive:
        return decisive
    right = _truth(node.right, row)
    if right is decisive:
        return decisive
    return None if left is None or right is None else not decisive


def _truth(expression: Expression, row: Row) -> bool | None:
    match expression:
        case Logical():
            return _logical(expression, row)
        case Comparison(operator, left, right):
            return _compare(operator, _value(left, row), _value(right, row))
        case Not(operand):
            truth = _truth(operand, row)
            return None if truth is None else not truth
        case Call():
            return _call(expression, row)
        case AnyOf(collection, variable, condition):
            elements = _value(collection, row) or []
            return any(_truth(condition, {**row, variable: element}) for element in elements)
    value = _value(expression, row)
    if value is None or isinstance(value, bool):
        return value
    raise FilterError("The $filter expression must evaluate to a single boolean value.")


def matches(expression: Expression, row: Row) -> bool:
    """Return whether the row matches the expression; unknown counts as false. Raises FilterError."""
    return _truth(expression, row) is True
