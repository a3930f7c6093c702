"""How a provider's value is computed from the values of the parts: compiled once, evaluated often.

An expression reads a list that holds the value of each part at the part's index. Evaluating it for another
list gives another view of the same wiring, which is what an overlay is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache, partial
from inspect import isawaitable
from keyword import iskeyword
from types import CoroutineType
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
    """How to read a value; an asynchronous one reads a coroutine that returns it, or the value itself.

    `known` is what it always evaluates to, UNSET if that depends on the parts.
    """

    read: Read
    asynchronous: bool = False
    known: Any = UNSET


def constant(value: Any) -> Expression:
    """Return an expression that is always `value`."""
    return Expression(lambda _values: value, known=value)


def applied(function: Callable[[Sequence[Any]], Any], inputs: Sequence[Expression]) -> Expression:
    """Evaluate to what `function` makes of the inputs' values."""
    reads = [expression.read for expression in inputs]
    if not any(expression.asynchronous for expression in inputs):
        return Expression(lambda values: function([read(values) for read in reads]))

    async def read(values: Values) -> Any:
        return function([await _awaited(expression, values) for expression in inputs])

    return Expression(read, asynchronous=True)


async def _awaited(expression: Expression, values: Values) -> Any:
    value = expression.read(values)
    return await value if expression.asynchronous and type(value) is CoroutineType else value


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
        shape = call_shape(len(self.args), tuple(self.kwargs))
        reads = [expression.read for expression in (*self.args, *self.kwargs.values())]
        if self.make.known is not UNSET:
            return shape(self.make.known, *reads)
        make = self.make.read
        return lambda values: shape(make(values), *reads)(values)

    async def _await(self, values: Values, *extra: Any, **more: Any) -> Any:
        args, kwargs = [], {}
        for expression in self.args:
            value = expression.read(values)
            is_awaited = expression.asynchronous and type(value) is CoroutineType
            args.append(await value if is_awaited else value)
        for name, expression in self.kwargs.items():
            value = expression.read(values)
            is_awaited = expression.asynchronous and type(value) is CoroutineType
            kwargs[name] = await value if is_awaited else value
        made = (await _awaited(self.make, values))(*args, *extra, **{**kwargs, **more})
        if isawaitable(made):
            made = await made
        for name, expression in self.attributes.items():
            setattr(made, name, await _awaited(expression, values))
        return made


@lru_cache(maxsize=512)
def call_shape(positional: int, names: tuple[str, ...]) -> Callable[..., Read]:
    """Return a function that takes what to call, and how to read each argument, and returns the call.

    It is written out, since a list and a dictionary of the arguments cost as much as most calls.
    """
    if not all(name.isidentifier() and not iskeyword(name) for name in names):
        return partial(_calling, positional, names)
    reads = [f"read_{number}" for number in range(positional + len(names))]
    args = [f"{read}(values)" for read in reads[:positional]]
    kwargs = [f"{name}={read}(values)" for name, read in zip(names, reads[positional:], strict=True)]
    source = f"lambda {', '.join(('make', *reads))}: lambda values: make({', '.join(args + kwargs)})"
    shape: Callable[..., Read] = eval(source)  # noqa: S307 - of names that Python takes for such
    return shape


def _calling(positional: int, names: tuple[str, ...], make: Callable[..., Any], *reads: Read) -> Read:
    """Call with keywords that cannot be written in Python, such as `class`."""
    return lambda values: make(
        *[read(values) for read in reads[:positional]],
        **{name: read(values) for name, read in zip(names, reads[positional:], strict=True)},
    )


def required(read: Read, cls: type, path: str) -> Read:
    """Reject a value that is not a `cls`: the `instance_of` of a dependency."""
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
        raise lacking(path)
    return value


def lacking(path: str) -> MissingDependencyError:
    """Return the error for a required option that a configuration does not have."""
    message = f"{path} is required, and the configuration lacks it"
    return MissingDependencyError(message, path=path, hint="load it before the start, or give it a default")
