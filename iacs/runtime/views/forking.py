"""Gives a forked child parts of its own: a connection serves one process."""

import os
from functools import cache
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """What wants to know that it is in a new process."""

    def forked(self) -> None:
        """Let go of what belongs to the parent."""


def watch(application: Forked) -> None:
    """Call `forked()` in every child that is forked while `application` is alive."""
    _watched().add(application)


@cache
def _watched() -> "WeakSet[Forked]":
    watched: WeakSet[Forked] = WeakSet()

    def notify() -> None:
        for application in tuple(watched):
            application.forked()

    os.register_at_fork(after_in_child=notify)
    return watched
