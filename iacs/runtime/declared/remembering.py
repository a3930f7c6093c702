"""Remembers what was read from classes and functions, which does not change; bounded, so that nothing leaks."""

import functools
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

P = TypeVarTuple("P")
R = TypeVar("R")


def remembering(size: int) -> Callable[[Callable[[*P], R]], Callable[[*P], R]]:
    """Remember up to `size` answers; what has no hash, such as some metaclasses' classes, is asked anew."""

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
