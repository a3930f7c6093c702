"""wireup: classes marked as injectable."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import wireup

from benchmarks.rivals.graph import Config, Database, Kafka, Logger, OAuth, ServiceA, ServiceB, Token


class Wireup:
    """https://maldoinc.github.io/wireup: container, testing."""

    name = "wireup"
    version = version("wireup")

    def declare(self) -> None:
        """Mark the classes."""
        classes = (Config, Logger, Database, Kafka, OAuth, Token, ServiceA, ServiceB)
        self._injectables: list[Any] = [wireup.injectable(cls) for cls in classes]

    def build(self) -> None:
        """Validate the graph (missing parts, cycles, lifetimes) and compile the factories."""
        self._container = wireup.create_sync_container(injectables=self._injectables)

    def first(self) -> tuple[ServiceA, ServiceB]:
        """Call the factories."""
        return self._container.get(ServiceA), self._container.get(ServiceB)

    def reader(self) -> tuple[Callable[..., Any], Any]:
        """Read from the container's cache."""
        return self._container.get, ServiceA

    def swap(self, fake: Database) -> tuple[ServiceA, ServiceA]:
        """Override in a new container, because "overriding only applies to future injections"."""
        container = wireup.create_sync_container(injectables=self._injectables)
        with container.override({Database: fake}):
            swapped = container.get(ServiceA)
        container.close()
        return swapped, self._container.get(ServiceA)

    def close(self) -> None:
        """Close the container."""
        self._container.close()
