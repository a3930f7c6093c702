"""dishka: a provider class whose attributes are the services."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from dishka import Provider, Scope, make_container, provide

from benchmarks.rivals.graph import Config, Database, Kafka, Logger, OAuth, ServiceA, ServiceB, Token


def services() -> Provider:
    """Declare the provider."""

    class Services(Provider):
        scope = Scope.APP
        config = provide(Config)
        logger = provide(Logger)
        db = provide(Database)
        kafka = provide(Kafka)
        oauth = provide(OAuth)
        token = provide(Token)
        service_a = provide(ServiceA)
        service_b = provide(ServiceB)

    return Services()


class Dishka:
    """https://dishka.readthedocs.io: provider/provide, container, advanced/testing."""

    name = "dishka"
    version = version("dishka")

    def declare(self) -> None:
        """Run the class body and make the provider."""
        self._provider = services()

    def build(self) -> None:
        """Validate the graph: missing parts, cycles, scopes."""
        self._container = make_container(self._provider)

    def first(self) -> tuple[ServiceA, ServiceB]:
        """Compile the factories and call them."""
        return self._container.get(ServiceA), self._container.get(ServiceB)

    def reader(self) -> tuple[Callable[..., Any], Any]:
        """Read from the container's cache, under its lock."""
        return self._container.get, ServiceA

    def swap(self, fake: Database) -> tuple[ServiceA, ServiceA]:
        """Make a container of the same provider and one with the fake: "a container itself cannot be adjusted"."""
        fakes = Provider(scope=Scope.APP)
        fakes.provide(lambda: fake, provides=Database, override=True)
        with make_container(self._provider, fakes) as container:
            swapped = container.get(ServiceA)
        return swapped, self._container.get(ServiceA)

    def close(self) -> None:
        """Close the container."""
        self._container.close()
