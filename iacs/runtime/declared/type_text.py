"""Annotations as people write them."""

import typing
from typing import Any

_UNIONS: tuple[Any, ...] = (typing.Union, type(int | str))


def type_text(annotation: Any) -> str:
    """Return an annotation as people write it, without modules."""
    if isinstance(annotation, str):
        return annotation
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is ...:
        return "..."
    if isinstance(annotation, list):  # the parameters of a Callable
        return f"[{', '.join(map(type_text, annotation))}]"
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_text(inner[0])
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, inner))}]"
    if origin in _UNIONS:
        return " | ".join(map(type_text, inner))
    written = getattr(annotation, "__qualname__", None) or str(annotation).removeprefix("typing.")
    name = written if origin is None else type_text(origin)
    return f"{name}[{', '.join(map(type_text, inner))}]" if inner and origin is not None else name
