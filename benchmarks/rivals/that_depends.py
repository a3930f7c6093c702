"""that-depends: a class that is the container."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any
from uuid import uuid4

from that_depends import BaseContainer, providers

from benchmarks.rivals.graph import Config, Database, Kafka, Logger, OAuth, ServiceA, ServiceB, Token


def services() -> Any:
    """Declare the container; annotated Any, because a class made inside a function cannot be named."""

    class Services(BaseContainer):
        alias = f"Services {uuid4()}"  # it warns when two containers have one name
        config = providers.Singleton(Config)
        logger = providers.Singleton(Logger, config.cast)
        db = providers.Singleton(Database, config.cast)
        kafka = providers.Singleton(Kafka, config.cast)
        oauth = providers.Singleton(OAuth, config.cast, logger.cast)
        token = providers.Singleton(Token, oauth.cast, db.cast, logger.cast)
        service_a = providers.Singleton(ServiceA, token.cast, db.cast, logger.cast)
        service_b = providers.Singleton(ServiceB, token.cast, kafka.cast, logger.cast)

    return Services


class ThatDepends:
    """https://that-depends.modern-python.org: providers/singleton, testing/provider-overriding."""

    name = "that-depends"
    version = version("that-depends")

    def declare(self) -> None:
        """Run the class body; the class is the container."""
        self._container = services()

    def build(self) -> None:
        """Do nothing: this library has no separate build step."""

    def first(self) -> tuple[ServiceA, ServiceB]:
        """Resolve the providers."""
        return self._container.service_a.resolve_sync(), self._container.service_b.resolve_sync()

    def reader(self) -> tuple[Callable[..., Any], Any]:
        """Resolve the provider of a singleton that is built."""
        return self._container.service_a.resolve_sync, None

    def swap(self, fake: Database) -> tuple[ServiceA, ServiceA]:
        """Override in place and tear the dependants down, both ways."""
        container = self._container
        container.db.override_sync(fake, tear_down_children=True)
        swapped: ServiceA = container.service_a.resolve_sync()
        container.db.reset_override_sync(tear_down_children=True)
        return swapped, container.service_a.resolve_sync()

    def close(self) -> None:
        """Forget the instances."""
        self._container.tear_down_sync()
