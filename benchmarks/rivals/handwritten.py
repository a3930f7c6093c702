"""No library: constructors called in order."""

import platform
from collections.abc import Callable
from typing import Any

from benchmarks.rivals.graph import Config, Database, Kafka, Logger, OAuth, ServiceA, ServiceB, Token


class Services:
    """All eight, built by the constructor."""

    def __init__(self) -> None:
        config = Config()
        self.logger = Logger(config)
        self.db = Database(config)
        self.kafka = Kafka(config)
        self.oauth = OAuth(config, self.logger)
        self.wire(self.db)

    def wire(self, db: Database) -> None:
        """Build what depends on the database."""
        self.token = Token(self.oauth, db, self.logger)
        self.service_a = ServiceA(self.token, db, self.logger)
        self.service_b = ServiceB(self.token, self.kafka, self.logger)

    def get_service_a(self) -> ServiceA:
        """Return what the constructor built."""
        return self.service_a


class HandWritten:
    """The lower bound: the same work without a library."""

    name = "hand-written"
    version = f"Python {platform.python_version()}"

    def declare(self) -> None:
        """Do nothing: the class is the declaration."""

    def build(self) -> None:
        """Do nothing: the first read builds."""

    def first(self) -> tuple[ServiceA, ServiceB]:
        """Call the constructors."""
        self._services = Services()
        return self._services.service_a, self._services.service_b

    def reader(self) -> tuple[Callable[..., Any], Any]:
        """Read through a method."""
        return self._services.get_service_a, None

    def swap(self, fake: Database) -> tuple[ServiceA, ServiceA]:
        """Build the dependants again, twice."""
        self._services.wire(fake)
        swapped = self._services.service_a
        self._services.wire(self._services.db)
        return swapped, self._services.service_a

    def close(self) -> None:
        """Do nothing: nothing was entered."""
