"""How a provider's value is computed from the values of the parts: compiled once, evaluated often.

An expression reads a list that holds the value of each part at the part's index. Evaluating it for another
list gives another view of the same wiring, which is what an overlay is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from inspect import isawaitable
from typing import Any, Final

from iacs.core.exceptions import MissingDependencyError, WiringError

TOO_DEEP: Final = "its factories need one another more deeply than Python can call"
MAKE_SINGLETONS: Final = "make a singleton of some"
Values = list[Any]
Read = Callable[[Values], Any]


class _Unset(Enum):
    UNSET = "not started"


UNSET: Final = _Unset.UNSET
"""The value at a part's index before the part is built."""


@dataclass(frozen=True, slots=True)
class Expression:
    """How to read a value; an asynchronous one reads an awaitable of it."""

    read: Read
    asynchronous: bool = False


def constant(value: Any) -> Expression:
    """Evaluate to `value`, whatever the parts are."""
    return Expression(lambda _values: value)


def applied(function: Callable[[Sequence[Any]], Any], inputs: Sequence[Expression]) -> Expression:
    """Evaluate to what `function` makes of the inputs' values."""
    reads = [expression.read for expression in inputs]
    if not any(expression.asynchronous for expression in inputs):
        return Expression(lambda values: function([read(values) for read in reads]))

    async def read(values: Values) -> Any:
        return function([await _value(expression, values) for expression in inputs])

    return Expression(read, asynchronous=True)


async def _value(expression: Expression, values: Values) -> Any:
    value = expression.read(values)
    return await value if expression.asynchronous else value


@dataclass(frozen=True, slots=True)
class Call:
    """A call of `make` with injected arguments, and attributes set on what it returns."""

    make: Expression
    args: Sequence[Expression]
    kwargs: Mapping[str, Expression]
    attributes: Mapping[str, Expression]
    is_coroutine: bool = False

    def expression(self) -> Expression:
        """Return the call as an expression."""
        if self._is_asynchronous:
            return Expression(self._await, asynchronous=True)
        return Expression(self._call_quickly() if not self.attributes else self.call)

    @property
    def _is_asynchronous(self) -> bool:
        inputs = (self.make, *self.args, *self.kwargs.values(), *self.attributes.values())
        return self.is_coroutine or any(expression.asynchronous for expression in inputs)

    def begin(self, values: Values, *extra: Any, **more: Any) -> Any:
        """Call, as `call` does, or return a coroutine that does if the call takes something asynchronous."""
        return (self._await if self._is_asynchronous else self.call)(values, *extra, **more)

    def call(self, values: Values, *extra: Any, **more: Any) -> Any:
        """Call with `extra` arguments after the injected ones, and `more` keywords over them."""
        args = [expression.read(values) for expression in self.args]
        kwargs = {name: expression.read(values) for name, expression in self.kwargs.items()}
        made = self.make.read(values)(*args, *extra, **{**kwargs, **more})
        for name, expression in self.attributes.items():
            setattr(made, name, expression.read(values))
        return made

    def _call_quickly(self) -> Read:
        """Return `call` without what most calls lack."""
        make = self.make.read
        args = [expression.read for expression in self.args]
        kwargs = [(name, expression.read) for name, expression in self.kwargs.items()]

        def read(values: Values) -> Any:
            named = {name: read_input(values) for name, read_input in kwargs}
            return make(values)(*[read_input(values) for read_input in args], **named)

        return read

    async def _await(self, values: Values, *extra: Any, **more: Any) -> Any:
        args = [await _value(expression, values) for expression in self.args]
        kwargs = {name: await _value(expression, values) for name, expression in self.kwargs.items()}
        made = (await _value(self.make, values))(*args, *extra, **{**kwargs, **more})
        if isawaitable(made):
            made = await made
        for name, expression in self.attributes.items():
            setattr(made, name, await _value(expression, values))
        return made


def required(read: Read, cls: type, path: str) -> Read:
    """Refuse a value that is not a `cls`, as a dependency with `instance_of` asks."""
    fitting: type | None = None  # asking a Protocol takes microseconds, and the answer stays

    def checked(values: Values) -> Any:
        nonlocal fitting
        value = read(values)
        if type(value) is not fitting:
            if not isinstance(value, cls):
                message = f"{path} must be a {cls.__qualname__}, not a {type(value).__qualname__}"
                raise WiringError(message, path=path)
            fitting = type(value)
        return value

    return checked


def option(value: Any, segments: Sequence[str], path: str, *, strict: bool) -> Any:
    """Return an option of a configuration that an overlay gave as a mapping or a settings model."""
    for name in segments:
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
        if value is None:
            break
    if value is None and strict:
        raise MissingDependencyError(f"{path} is required, and the configuration lacks it", path=path)
    return value
