"""What iacs uses of structlog, which is slow to import: this file is imported with the first line that is logged."""

from collections.abc import MutableMapping
from typing import Any, Protocol

from structlog.contextvars import bind_contextvars, get_contextvars, unbind_contextvars
from structlog.dev import ConsoleRenderer
from structlog.processors import JSONRenderer

__all__ = ["Renderer", "bind_contextvars", "get_contextvars", "new_renderer", "unbind_contextvars"]


class Renderer(Protocol):
    """A function that renders the fields of a line as text."""

    def __call__(self, logger: Any, name: str, event_dict: MutableMapping[str, Any], /) -> str | bytes:
        """Return the text."""
        ...


def new_renderer(*, console: bool, colors: bool) -> Renderer:
    """Return a renderer for people, or one that writes JSON."""
    return ConsoleRenderer(colors=colors, sort_keys=False) if console else JSONRenderer()
