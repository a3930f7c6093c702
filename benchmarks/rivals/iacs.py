"""iacs.runtime on the same container as bare dependency-injector."""

from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version
from typing import Any

from benchmarks.rivals.bare import services
from benchmarks.rivals.graph import Database, ServiceA, ServiceB
from iacs.runtime import Application


class Iacs:
    """The synchronous interface, since the others are measured without an event loop."""

    name = "iacs.runtime"
    version = version("iacsgraph")

    def __init__(self) -> None:
        self._entered = ExitStack()

    def declare(self) -> None:
        """Run the class body."""
        self._declared = services()

    def build(self) -> None:
        """Copy the class's providers and check the graph."""
        self._app = Application(self._declared())

    def first(self) -> tuple[ServiceA, ServiceB]:
        """Start every part, then read."""
        self._entered.enter_context(self._app.sync())
        return self._app.get(ServiceA), self._app.get(ServiceB)

    def reader(self) -> tuple[Callable[..., Any], Any]:
        """Read from the application."""
        return self._app.get, ServiceA

    def swap(self, fake: Database) -> tuple[ServiceA, ServiceA]:
        """Read from a view in which the dependants are built again; the application is not changed."""
        with self._app.overlay(db=fake) as view:
            swapped = view.get(ServiceA)
        return swapped, self._app.get(ServiceA)

    def close(self) -> None:
        """Stop."""
        self._entered.close()
