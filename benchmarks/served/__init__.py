"""The same two routes, wired by hand and by each library as its documentation recommends, for FastAPI."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from fastapi import FastAPI

from benchmarks.served import dependency_injector, depends, dishka, iacs, manual, svcs, that_depends, wireup


@dataclass(frozen=True)
class Library:
    """A way of wiring; `serve` returns a FastAPI application with the routes /singleton and /scoped."""

    name: str
    serve: Callable[[], FastAPI]

    @classmethod
    def of(cls, distribution: str, serve: Callable[[], FastAPI]) -> "Library":
        """Return a library with the version that is installed."""
        return cls(f"{distribution} {version(distribution)}", serve)


MANUAL = Library("manual wiring", manual.serve)
OURS = Library("iacs", iacs.serve)
LIBRARIES = (
    MANUAL,
    OURS,
    Library("iacs, 10 other parts", lambda: iacs.serve(others=10)),
    Library("iacs, 500 other parts", lambda: iacs.serve(others=500)),
    Library.of("dishka", dishka.serve),
    Library.of("wireup", wireup.serve),
    Library.of("svcs", svcs.serve),
    Library.of("that-depends", that_depends.serve),
    Library(f"FastAPI {version('fastapi')} Depends", depends.serve),
    Library.of("dependency-injector", dependency_injector.serve),
)

__all__ = ["LIBRARIES", "MANUAL", "OURS", "Library"]
