"""Eight services that do nothing, so that what is measured is the wiring."""

from dataclasses import dataclass


@dataclass(eq=False)
class Config:
    """What the rest is set by."""


@dataclass(eq=False)
class Logger:
    """Stands for a logger."""

    config: Config


@dataclass(eq=False)
class Database:
    """Stands for a database; the part that is swapped."""

    config: Config


@dataclass(eq=False)
class Kafka:
    """Stands for a broker; no dependant of the database."""

    config: Config


@dataclass(eq=False)
class OAuth:
    """Stands for a client of an identity provider."""

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
    """Depends on the database, by itself and through its token."""

    token: Token
    db: Database
    logger: Logger


@dataclass(eq=False)
class ServiceB:
    """Depends on the database through its token alone."""

    token: Token
    kafka: Kafka
    logger: Logger
