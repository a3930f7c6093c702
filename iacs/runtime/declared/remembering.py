"""Bounded caches of what is read from classes and functions, which does not change."""

import functools
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

P = TypeVarTuple("P")
R = TypeVar("R")


def remembering(size: int) -> Callable[[Callable[[*P], R]], Callable[[*P], R]]:
    """Cache up to `size` results; for arguments without a hash, such as some classes, call the function again."""

    def decorate(function: Callable[[*P], R]) -> Callable[[*P], R]:
        cached = functools.lru_cache(maxsize=size)(function)

        @functools.wraps(function)
        def remember(*args: *P) -> R:
            try:
                hash(args)
            except (TypeError, ValueError, RuntimeError):
                return function(*args)
            return cached(*args)

        return remember

    return decorate
