"""The operations that every library is measured with."""

from collections.abc import Callable
from typing import Any, Protocol

from benchmarks.rivals.graph import Database, ServiceA, ServiceB


class Rival(Protocol):
    """A way of wiring; the methods are called in this order, `reader` and `swap` any number of times."""

    name: str
    version: str

    def __init__(self) -> None: ...

    def declare(self) -> None:
        """Declare the services: once per program, usually while modules are imported."""

    def build(self) -> None:
        """Make the container, with every check that the library makes by itself."""

    def first(self) -> tuple[ServiceA, ServiceB]:
        """Read both services for the first time; all eight are built when it returns."""
        ...

    def reader(self) -> tuple[Callable[..., Any], Any]:
        """Return what reads service_a again, and its argument (None: it takes none)."""
        ...

    def swap(self, fake: Database) -> tuple[ServiceA, ServiceA]:
        """Make `fake` the database, read service_a, take it back, read service_a.

        What depends on the database must have `fake` the first time, and must not have it the second time.
        """
        ...

    def close(self) -> None:
        """Leave the contexts that `build` and `first` entered."""
