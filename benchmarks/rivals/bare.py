"""dependency-injector alone: a declarative container of singletons."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from dependency_injector import containers, providers

from benchmarks.rivals.graph import Config, Database, Kafka, Logger, OAuth, ServiceA, ServiceB, Token


def services() -> Any:
    """Declare the container; annotated Any, because a class made inside a function cannot be named."""

    class Services(containers.DeclarativeContainer):
        config = providers.Singleton(Config)
        logger = providers.Singleton(Logger, config)
        db = providers.Singleton(Database, config)
        kafka = providers.Singleton(Kafka, config)
        oauth = providers.Singleton(OAuth, config, logger)
        token = providers.Singleton(Token, oauth, db, logger)
        service_a = providers.Singleton(ServiceA, token, db, logger)
        service_b = providers.Singleton(ServiceB, token, kafka, logger)

    return Services


class BareDependencyInjector:
    """https://python-dependency-injector.ets-labs.org: providers/singleton, providers/overriding."""

    name = "dependency-injector"
    version = version("dependency-injector")

    def declare(self) -> None:
        """Run the class body."""
        self._declared = services()

    def build(self) -> None:
        """Copy every provider of the class; nothing is checked."""
        self._container = self._declared()

    def first(self) -> tuple[ServiceA, ServiceB]:
        """Call the providers."""
        return self._container.service_a(), self._container.service_b()

    def reader(self) -> tuple[Callable[..., Any], Any]:
        """Call the provider of a singleton that is built."""
        return self._container.service_a, None

    def swap(self, fake: Database) -> tuple[ServiceA, ServiceA]:
        """Override the provider, and reset its dependants, which the caller must know.

        `container.reset_singletons()` knows them by itself, since it resets all; that takes three times as long.
        """
        container = self._container
        with (
            container.db.override(fake),
            container.token.reset(),
            container.service_a.reset(),
            container.service_b.reset(),
        ):
            swapped: ServiceA = container.service_a()
        return swapped, container.service_a()

    def close(self) -> None:
        """Do nothing: nothing was entered."""
