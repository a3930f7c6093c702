"""Distinguishes a cancellation from outside a scope from one by a cancel scope that a part has entered."""

import asyncio
import re
import sys
from typing import Any

_BY_SCOPE = re.compile(r"cancel scope ([0-9a-f]+)")


def outer_cancel_scopes(task: "asyncio.Task[Any] | None") -> frozenset[str]:
    """Return the ids of anyio's cancel scopes that a task is in, as anyio writes them; none without anyio."""
    backend = sys.modules.get("anyio._backends._asyncio")
    state = backend._task_states.get(task) if backend is not None and task is not None else None
    scope = getattr(state, "cancel_scope", None)
    ids = set()
    while scope is not None:
        ids.add(f"{id(scope):x}")
        scope = getattr(scope, "_parent_scope", None)
    return frozenset(ids)


def cancelled_inside(error: asyncio.CancelledError, outer: frozenset[str]) -> bool:
    """Say whether a cancel scope that is not one of `outer` has raised this cancellation."""
    match = _BY_SCOPE.search(str(error.args[0])) if error.args else None
    return match is not None and match[1] not in outer
