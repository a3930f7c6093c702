"""Annotations as people write them."""

import typing
from typing import Any


def type_text(annotation: Any) -> str:
    """Return an annotation as people write it, without modules."""
    if isinstance(annotation, str):
        return annotation
    if annotation is None or annotation is type(None):
        return "None"
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_text(inner[0])
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, inner))}]"
    if origin in _UNIONS:
        return " | ".join(map(type_text, inner))
    if origin is not None:
        return f"{type_text(origin)}[{', '.join(map(_argument, inner))}]" if inner else type_text(origin)
    return getattr(annotation, "__qualname__", None) or str(annotation).removeprefix("typing.")


def _argument(argument: Any) -> str:
    if argument is ...:
        return "..."
    return f"[{', '.join(map(type_text, argument))}]" if isinstance(argument, list) else type_text(argument)


_UNIONS: tuple[Any, ...] = (typing.Union, type(int | str))
