"""What `with` and `async with` do alike for everything that is closed at the end of a block.

That closing twice does no harm is each class's own business.
"""

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
