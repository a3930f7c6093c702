"""The providers that a provider needs, read from its arguments without calling it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dependency_injector import providers

from iacs.runtime.graph.kinds import (
    CALLING,
    Kind,
    Provider,
    is_delegated,
    is_provider,
    library_attribute,
    own_kind,
    stand_in,
)


@dataclass(frozen=True, slots=True)
class Need:
    """A provider that another one needs: under which name, and in which role.

    `via` is argument, keyword, attribute, item, key, branch, stand-in, default, of, root, target or child.
    A deferred one is passed as a provider, to be called later.
    """

    label: str
    via: str
    provider: Provider
    deferred: bool = False


def needs(provider: Provider) -> tuple[Need, ...]:
    """Return what `provider` needs for its value, in order; nothing is called."""
    other = stand_in(provider)
    if other is not None:
        return (Need("override", "stand-in", other),)
    return own_needs(provider)


def own_needs(provider: Provider) -> tuple[Need, ...]:
    """Return the needs of `provider` itself, without its overrides."""
    read = _NEEDS.get(own_kind(provider))
    return () if read is None else tuple(read(provider))


def _need(label: str, via: str, value: Any) -> Iterator[Need]:
    if is_provider(value):
        yield Need(label, via, value, deferred=is_delegated(value))


def _target(label: str, value: Any) -> Iterator[Need]:
    """Yield a provider that is called later, or returned as it is."""
    if is_provider(value):
        yield Need(label, "target", value, deferred=True)


def _of_call(provider: Any) -> Iterator[Need]:
    yield from _target("provides", provider.provides)
    yield from _of_arguments(provider)
    for name, value in library_attribute(provider, "attributes", {}).items():
        yield from _need(name, "attribute", value)


def _of_arguments(provider: Any) -> Iterator[Need]:
    for position, value in enumerate(library_attribute(provider, "args", ())):
        yield from _need(str(position), "argument", value)
    for name, value in library_attribute(provider, "kwargs", {}).items():
        yield from _need(str(name), "keyword", value)
        if is_provider(name):
            yield Need(f"{name}.key", "key", name, deferred=True)  # a dictionary keeps it as its key


def _of_getter(provider: Any) -> Iterator[Need]:
    if is_provider(provider.provides):
        yield Need("of", "of", provider.provides)


def _of_option(provider: Any) -> Iterator[Need]:
    yield Need("configuration", "root", provider._get_root())  # no other way leads to it
    for position, segment in enumerate(provider.get_name_segments()):
        yield from _need(f"name.{position}", "key", segment)


def _of_selector(provider: Any) -> Iterator[Need]:
    yield from _need("selector", "key", provider.selector)
    for name, branch in provider.providers.items():
        yield Need(name, "branch", branch)


_CHOSEN = (providers.Container, providers.Selector)
_NEEDS: dict[Kind, Callable[[Any], Iterable[Need]]] = {
    **dict.fromkeys(CALLING, _of_call),
    **dict.fromkeys((Kind.LIST, Kind.DICT), _of_arguments),
    **dict.fromkeys((Kind.PROVIDED, Kind.ATTRIBUTE, Kind.ITEM), _of_getter),
    Kind.METHOD: lambda provider: (*_of_getter(provider), *_of_arguments(provider)),
    Kind.MISSING: lambda provider: (
        () if provider.default is None else (Need("default", "default", provider.default),)
    ),
    Kind.SELECTOR: _of_selector,
    Kind.OPTION: _of_option,
    Kind.DELEGATE: lambda provider: _target("provider", provider.provides),
    Kind.OBJECT: lambda provider: _target("object", provider.provides),
    Kind.AGGREGATE: lambda provider: (
        Need(str(name), "target", value, deferred=True) for name, value in provider.providers.items()
    ),
    Kind.OTHER: lambda provider: (
        Need(str(position), "target", related) for position, related in enumerate(provider.related)
    ),
}


def children(provider: Provider) -> dict[str, Provider]:
    """Return the providers that a container inside a container names, or the containers that a Selector chooses from."""
    if isinstance(provider, providers.Container | providers.DependenciesContainer):
        return dict(provider.providers)  # type: ignore[arg-type] # the stub says one provider
    if isinstance(provider, providers.Selector):
        branches: dict[str, Provider] = provider.providers
        return {name: branch for name, branch in branches.items() if isinstance(branch, _CHOSEN)}
    return {}


def contents(provider: Provider) -> tuple[Need, ...]:
    """Return the providers of a container that is injected as a value: its receiver may read any of them."""
    if not isinstance(provider, providers.Container):
        return ()
    return tuple(Need(name, "child", child, deferred=True) for name, child in children(provider).items())
