"""Start, read and stop the application that a container describes."""

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

from dependency_injector.containers import Container
from dependency_injector.providers import BaseSingleton, Provider

from iacs.core.exceptions import IACSGraphError

T = TypeVar("T")


class Application:
    """Build a container's singletons on entering, dependencies first; close them in reverse on leaving.

    Closing calls `aclose()`, else `close()`. Every part gets its turn; what went wrong comes as one
    ExceptionGroup. Objects handed in with `providers.Object` belong to whoever made them and stay open. Run it
    over the outermost container: whatever is reached from there is built, and closed.
    """

    def __init__(self, container: Container) -> None:
        self.container = container
        self._parts: list[Any] = []

    async def __aenter__(self) -> Self:
        try:
            for provider in _singletons(self.container):
                self._add(provider())
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def get(self, cls: type[T]) -> T:
        """Return the one part that is a `cls`; raise IACSGraphError when none or several are."""
        found = [part for part in self._parts if isinstance(part, cls)]
        if len(found) == 1:
            return found[0]
        how_many = "no part" if not found else f"{len(found)} parts"
        raise IACSGraphError(
            f"{how_many} of the started application: {cls.__qualname__}; "
            "read it from the container by its path, such as container.core().database()"
        )

    async def aclose(self) -> None:
        """Close what was built; safe to call twice."""
        errors: list[Exception] = []
        while self._parts:
            try:
                await _close(self._parts.pop())
            except Exception as error:  # noqa: BLE001 - every part gets its turn, then all is raised
                errors.append(error)
        if errors:
            raise ExceptionGroup("parts that could not be closed", errors)

    def _add(self, part: Any) -> None:
        if not any(part is known for known in self._parts):
            self._parts.append(part)


async def _close(part: Any) -> None:
    if hasattr(part, "aclose"):
        await part.aclose()
    elif hasattr(part, "close"):
        part.close()


def _singletons(container: Container) -> list[Provider[Any]]:
    order: dict[Provider[Any], None] = {}
    _walk(container.providers.values(), order, set())
    return [provider for provider in order if isinstance(provider, BaseSingleton)]


def _walk(providers: Iterable[Provider[Any]], order: dict[Provider[Any], None], seen: set[int]) -> None:
    """Read the graph without building anything: each provider after all that it depends on."""
    for provider in providers:
        if id(provider) not in seen:
            seen.add(id(provider))
            _walk(provider.related, order, seen)
            order[provider] = None
