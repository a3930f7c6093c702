"""The code of functions and methods, read to see what they name."""

import types
from collections.abc import Iterable, Iterator
from typing import Any


def codes(members: Iterable[Any]) -> Iterator[types.CodeType]:
    """Yield the code of each function or method among `members`, and of the functions written inside it."""
    functions = (getattr(member, "__func__", member) for member in members)
    waiting = [made.__code__ for made in functions if isinstance(made, types.FunctionType)]
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]
