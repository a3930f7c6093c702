"""Base classes for resources that `with` or `async with` closes; closing twice must be safe in each subclass."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """Something that the end of a `with` block closes."""

    @abstractmethod
    def close(self) -> None:
        """Release what is held; safe to call twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class AsyncClosing(ABC):
    """Something that the end of an `async with` block closes."""

    @abstractmethod
    async def aclose(self) -> None:
        """Release what is held; safe to call twice."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()
