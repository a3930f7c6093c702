"""The parameters of an event handler: the event, and the parts that it needs."""

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any, NamedTuple, get_type_hints

from pydantic import PydanticSchemaGenerationError, TypeAdapter

from iacs.core.events import Event
from iacs.core.exceptions import EventError


class EventParameters(NamedTuple):
    """The type of the event's value, or Event; what validates it; and the key of each part by parameter."""

    type: Any
    adapter: TypeAdapter[Any]
    parts: Mapping[str, Any]

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "EventParameters":
        """Read a signature; raise EventError when its first parameter cannot be the value of an event."""
        parameters = [*signature(function).parameters.values()]
        if not parameters:
            raise _error(function, "takes no event")
        first, *others = parameters
        hints = get_type_hints(function, include_extras=True)
        value = hints.get(first.name, Any)
        try:
            adapter = TypeAdapter[Any](Any if value is Event else value)
        except PydanticSchemaGenerationError as error:
            what = f"has {first.name}: {getattr(value, '__name__', value)}, which pydantic cannot validate, as the event"
            raise _error(function, what) from error
        needed = [item.name for item in others if item.default is Parameter.empty]
        keys = ((name, hints.get(name, name)) for name in needed)
        return cls(value, adapter, {name: getattr(key, "__metadata__", [key])[0] for name, key in keys})


def _error(function: Callable[..., Any], problem: str) -> EventError:
    return EventError(
        f"the event handler {function.__qualname__}() {problem}",
        hint="its first parameter is the value of the event, for example a pydantic model, or the Event; parts follow",
    )
