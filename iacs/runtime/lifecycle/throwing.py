"""Throws the error that ends an application into its resources, where that can have an effect."""

import dis
import inspect
from typing import Any

from iacs.runtime.plan.expressions import UNSET

Details = tuple[Any, Any, Any]


def details(error: BaseException | None) -> Details:
    """Return what an `__exit__` method receives: the type, the error and its traceback, or three times None."""
    return (None, None, None) if error is None else (type(error), error, error.__traceback__)


def details_for(manager: Any, error: BaseException | None) -> Details:
    """Return what the `__exit__` of a context manager receives of an error, three times None if it cannot handle it.

    A generator without `try` or `with` around its `yield` is resumed: the error would only skip what follows the
    `yield`, which is how dependency_injector documents the closing of a resource.
    """
    return details(error if error is None or _handles_errors(getattr(manager, "gen", UNSET)) else None)


def _handles_errors(generator: Any) -> bool:
    if inspect.isgenerator(generator):
        frame, is_delegating = generator.gi_frame, generator.gi_yieldfrom is not None
    elif inspect.isasyncgen(generator):
        frame, is_delegating = generator.ag_frame, False
    else:
        return True
    if frame is None or is_delegating:
        return True
    code = frame.f_code
    entries = getattr(dis.Bytecode(code), "exception_entries", None)  # of CPython
    return entries is None or any(
        entry.start <= frame.f_lasti < entry.end and _is_handler(code.co_code[entry.target])
        for entry in entries
    )


def _is_handler(opcode: int) -> bool:
    """Return whether a `try` or `with` begins so, unlike what the compiler puts around every generator."""
    return dis.opname[opcode] == "PUSH_EXC_INFO"
