"""Gives a forked child parts of its own: a connection serves one process."""

import os
from functools import cache
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """An object that is notified in a forked child."""

    def forked(self) -> None:
        """Abandon what belongs to the parent process."""


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
