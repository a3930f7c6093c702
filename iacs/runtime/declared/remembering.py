"""Bounded caches of what is read from classes and functions, which does not change."""

import functools
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

P = TypeVarTuple("P")
R = TypeVar("R")


def remembering(size: int) -> Callable[[Callable[[*P], R]], Callable[[*P], R]]:
    """Cache up to `size` results; for arguments without a hash, such as some classes, call the function again."""

    def decorate(ask: Callable[[*P], R]) -> Callable[[*P], R]:
        remembered = functools.lru_cache(maxsize=size)(ask)

        @functools.wraps(ask)
        def answer(*args: *P) -> R:
            try:
                hash(args)
            except (TypeError, ValueError, RuntimeError):
                return ask(*args)
            return remembered(*args)

        return answer

    return decorate
