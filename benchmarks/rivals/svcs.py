"""svcs: a registry of factories, and a container that caches what they make."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from svcs import Container, Registry

from benchmarks.rivals.graph import Config, Database, Kafka, Logger, OAuth, ServiceA, ServiceB, Token


def services() -> Registry:
    """Register the factories one by one; `svcs.autowire` is shorter, and four times as long to register."""
    registry = Registry()
    registry.register_factory(Config, Config)
    registry.register_factory(Logger, lambda svcs_container: Logger(svcs_container.get(Config)))
    registry.register_factory(Database, lambda svcs_container: Database(svcs_container.get(Config)))
    registry.register_factory(Kafka, lambda svcs_container: Kafka(svcs_container.get(Config)))
    registry.register_factory(OAuth, lambda svcs_container: OAuth(*svcs_container.get(Config, Logger)))
    registry.register_factory(
        Token, lambda svcs_container: Token(*svcs_container.get(OAuth, Database, Logger))
    )
    registry.register_factory(
        ServiceA, lambda svcs_container: ServiceA(*svcs_container.get(Token, Database, Logger))
    )
    registry.register_factory(
        ServiceB, lambda svcs_container: ServiceB(*svcs_container.get(Token, Kafka, Logger))
    )
    return registry


class Svcs:
    """https://svcs.hynek.me: core-concepts, "Container-Local Registries"."""

    name = "svcs"
    version = version("svcs")

    def declare(self) -> None:
        """Register the factories."""
        self._registry = services()

    def build(self) -> None:
        """Make a container; nothing is checked."""
        self._container = Container(self._registry)

    def first(self) -> tuple[ServiceA, ServiceB]:
        """Call the factories."""
        return self._container.get(ServiceA), self._container.get(ServiceB)

    def reader(self) -> tuple[Callable[..., Any], Any]:
        """Read from the container's cache."""
        return self._container.get, ServiceA

    def swap(self, fake: Database) -> tuple[ServiceA, ServiceA]:
        """Make a new container with its own value; everything else is built again in it."""
        with Container(self._registry) as container:
            container.register_local_value(Database, fake)
            swapped = container.get(ServiceA)
        return swapped, self._container.get(ServiceA)

    def close(self) -> None:
        """Close the container and the registry."""
        self._container.close()
        self._registry.close()
