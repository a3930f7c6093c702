"""Eight services that do nothing, so that what is measured is the wiring."""

from dataclasses import dataclass


@dataclass(eq=False)
class Config:
    """The settings of the other services."""


@dataclass(eq=False)
class Logger:
    """Stand-in for a logger."""

    config: Config


@dataclass(eq=False)
class Database:
    """Stand-in for a database; the part that is swapped."""

    config: Config


@dataclass(eq=False)
class Kafka:
    """Stand-in for a broker; does not depend on the database."""

    config: Config


@dataclass(eq=False)
class OAuth:
    """Stand-in for a client of an identity provider."""

    config: Config
    logger: Logger


@dataclass(eq=False)
class Token:
    """Depends on the database."""

    oauth: OAuth
    db: Database
    logger: Logger


@dataclass(eq=False)
class ServiceA:
    """Depends on the database, directly and through its token."""

    token: Token
    db: Database
    logger: Logger


@dataclass(eq=False)
class ServiceB:
    """Depends on the database through its token alone."""

    token: Token
    kafka: Kafka
    logger: Logger
