"""Arguments whose type cannot be right are reported; those that may be right are not."""

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
)

import pytest
from dependency_injector import containers, providers
from hypothesis import given
from hypothesis import strategies as st

from iacs.core.exceptions import Finding
from iacs.runtime.checks import check
from tests.runtime.counted import container_of
from tests.runtime.typed import (
    Base,
    Bound,
    Choosing,
    Chosen,
    Color,
    HasAnything,
    HasName,
    Named,
    OneOf,
    Other,
    Pair,
    Queries,
    Repository,
    Row,
    Sub,
    T,
    UserId,
    make_base,
    make_maybe,
    make_none,
    make_numbers,
    make_users,
)


def findings_for(value: Any, wanted: Any) -> tuple[Finding, ...]:
    def consume(value):  # type: ignore[no-untyped-def]
        raise AssertionError("called")

    consume.__annotations__ = {"value": wanted}
    by_position = check(container_of(part=providers.Singleton(consume, value)))
    by_name = check(container_of(part=providers.Singleton(consume, value=value)))
    assert by_position == by_name
    return by_position


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (providers.Singleton(Other), Base),
        (providers.Singleton(Base), Sub),
        (providers.Singleton(Other), "Base"),
        (providers.Singleton(Other), Base | None),
        (providers.Singleton(Other), Base | int),
        (providers.Singleton(Other), Queries),
        (providers.Singleton(Base), Named),
        (providers.Singleton(Base), Callable[[], str]),
        (providers.Singleton(Other), Annotated[Base, "the"]),
        (providers.Singleton(Other), list[int]),
        (providers.Singleton(Other), UserId),
        (providers.Singleton(Other), Bound),
        (providers.Singleton(Other), OneOf),
        (providers.Singleton(Other), type[Other]),
        (providers.Singleton(Other), Color),
        (providers.Singleton(Other), Row),
        (providers.Singleton(Other), None),
        (providers.Callable(make_base), Other),
        (providers.Callable(make_maybe), Other),
        (providers.Callable(make_maybe), Other | None),
        (providers.Callable(make_none), Base),
        (providers.Callable(make_numbers), list[str]),
        (providers.Callable(make_numbers), Sequence[str]),
        (providers.Callable(make_users), Repository[str]),
        (providers.Callable(str, 1), int),
        (providers.Configuration().port.as_int(), str),
        (providers.List(providers.Singleton(Other)), list[Base]),
        (providers.List(providers.Singleton(Base), providers.Singleton(Other)), Iterable[Base]),
        (providers.List(), dict[str, int]),
        (providers.Dict(a=providers.Singleton(Other)), Mapping[str, Base]),
        (providers.Selector(lambda: "a", a=providers.Singleton(Base), b=providers.Singleton(Other)), Base),
        (providers.Object(Base), Base),
        (providers.Object(Base), type[Other]),
        (providers.Factory(Base).provider, Base),
        (providers.Delegate(providers.Factory(Base)), Base),
        (providers.DelegatedSingleton(Base), Base),
        ("text", int),
        (1, str),
        (1.5, int),
        ("text", bytes),
        (None, str),
        ("blue", Literal["red", "green"]),
        (2, Literal[1]),
        ("red", Color),
        ("/tmp", Path),  # noqa: S108 - no file is opened
        ([1, "two"], list[int]),
        ({"a": "b"}, dict[str, int]),
        ((1,), list[int]),
        (Base, Base),
        (len, Base),
    ],
)
def test_a_type_that_cannot_be_right_is_reported(value: Any, wanted: Any) -> None:
    (finding,) = findings_for(value, wanted)
    assert (finding.path, finding.kind) == ("part", "type")
    assert "consume() expects" in finding.message
    assert "'value" in finding.message


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (providers.Singleton(Sub), Base),
        (providers.Singleton(Base), Queries),
        (providers.Singleton(HasName), Named),
        (providers.Singleton(HasAnything), Named),
        (providers.Singleton(Choosing), Chosen),
        (providers.Singleton(Sub), Base | None),
        (providers.Singleton(Sub), "Base"),
        (providers.Singleton(Other), "NotImported"),
        (providers.Singleton(Other), Any),
        (providers.Singleton(Other), object),
        (providers.Singleton(Other), T),
        (providers.Singleton(Other), Annotated[Other, "the"]),
        (providers.Singleton(dict), Row),
        (providers.Singleton(dict), Mapping[str, int]),
        (providers.Singleton(list), Iterable[str]),
        (providers.Singleton(Pair, 1), tuple[int]),
        (providers.Callable(make_base), Sub),
        (providers.Callable(make_maybe), Base),
        (providers.Callable(make_numbers), Sequence[float]),
        (providers.Callable(make_users), Repository),
        (providers.Callable(make_users), Repository[int]),
        (providers.Callable(lambda: 1), Base),
        (providers.Callable(int, "1"), float),
        (providers.Configuration().port, int),
        (providers.List(providers.Singleton(Sub)), list[Base]),
        (providers.List(providers.Singleton(Sub)), Sequence[Base] | None),
        (providers.Dict(a=providers.Singleton(Sub)), dict[str, Base]),
        (providers.Object(Sub), type[Base]),
        (providers.Object(Sub), Callable[[], Base]),
        (providers.Object(Sub), type),
        (providers.Factory(Base).provider, Callable[[], Base]),
        (providers.Factory(Base).provider, providers.Factory),
        (providers.Factory(Base).provider, providers.Provider[Base]),
        (providers.DelegatedFactory(Base), Callable[..., Any]),
        (providers.FactoryAggregate(a=providers.Factory(Base)), providers.FactoryAggregate),
        (1, float),
        (True, int),
        (1, UserId),
        (1, complex),
        ("a", OneOf),
        (None, str | None),
        (None, None),
        (b"", bytes),
        ("red", Literal["red"]),
        (Color.RED, Color),
        (Path(), Path),
        ([1, 2], list[int]),
        ({"a": 1}, Mapping[str, float]),
        (("a", "b"), Sequence[str]),
        (len, Callable[..., int]),
        (Base, type[Base]),
    ],
)
def test_what_may_be_right_is_left_alone(value: Any, wanted: Any) -> None:
    assert findings_for(value, wanted) == ()


def test_a_mock_fits_everywhere() -> None:
    from unittest.mock import MagicMock, Mock

    for value in (providers.Singleton(Mock), providers.Object(MagicMock())):
        assert findings_for(value, Base) == ()


def test_none_fits_where_it_is_the_default() -> None:
    def consume(value: str = None) -> None:  # type: ignore[assignment] # noqa: RUF013 - as older code writes it
        raise AssertionError("called")

    assert check(container_of(part=providers.Singleton(consume, None))) == ()


def test_an_argument_among_many_is_judged_by_its_own_annotation() -> None:
    def consume(first: int, *rest: str, last: Base, **more: bytes) -> None:
        raise AssertionError("called")

    part = providers.Singleton(consume, 1, "a", 2, last=providers.Singleton(Other), x=b"", y="")
    messages = " ".join(finding.message for finding in check(container_of(part=part)))
    assert [f"'{name}'" in messages for name in ("first", "rest", "last", "more")] == [
        False,
        True,
        True,
        True,
    ]


def test_a_class_used_instead_of_its_parent_is_reported_by_the_constructors_name() -> None:
    def consume(it: Queries) -> None:
        raise AssertionError("called")

    other = providers.Singleton(Other)
    (finding,) = check(container_of(other=other, part=providers.Singleton(consume, other)))
    assert finding.message.partition("<locals>.")[2] == (
        "consume() expects Queries for 'it' but gets Other from other, which lacks query: "
        "pass the expected type, or correct the annotation"
    )


def test_a_dependency_is_compared_with_its_value_and_reported_once() -> None:
    def consume(base: Base) -> None:
        raise AssertionError("called")

    class Consumer(containers.DeclarativeContainer):
        base = providers.Dependency(instance_of=Base)
        part = providers.Singleton(consume, base)

    (finding,) = check(Consumer(base=providers.Singleton(Other)))
    assert (finding.path, finding.kind) == ("base", "type")
    assert "Dependency(Base) gets Other" in finding.message
    assert check(Consumer(base=providers.Singleton(Sub))) == ()
    assert check(Consumer(base=providers.Callable(lambda: 1))) == ()


def test_a_wrong_type_passed_through_containers_is_reported_once_at_its_origin() -> None:
    class Inner(containers.DeclarativeContainer):
        base = providers.Dependency(instance_of=Base)

    class Outer(containers.DeclarativeContainer):
        base = providers.Dependency(instance_of=Base)
        inner = providers.Container(Inner, base=base)

    assert [finding.path for finding in check(Outer(base=providers.Singleton(Other)))] == ["base"]


def test_an_attribute_is_compared_with_the_class() -> None:
    class Holder:
        base: Base
        free: Any

    part = providers.Factory(Holder).add_attributes(base=providers.Singleton(Other), free=1, unknown=2)
    (finding,) = check(container_of(part=part))
    assert (finding.path, finding.kind) == ("part", "type")
    assert "Holder.base expects Base" in finding.message


def test_a_constant_that_may_be_a_secret_is_not_shown() -> None:
    (finding,) = findings_for("hunter2", int)
    assert "hunter2" not in finding.message


leaves = st.sampled_from(
    [
        int,
        str,
        Base,
        Queries,
        None,
        Any,
        T,
        Color,
        Row,
        "Base",
        "Missing",
        "1 +",
        Literal["a"],
        5,
        object(),
        ...,
    ]
)
annotations = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | inner.map(lambda annotation: types.GenericAlias(list, annotation))
        | st.tuples(inner, inner).map(lambda pair: types.GenericAlias(dict, pair))
        | inner.map(lambda annotation: types.GenericAlias(type, annotation))
    ),
)
values = st.sampled_from(
    [
        1,
        "a",
        None,
        [1],
        {"a": 1},
        Base,
        len,
        providers.Singleton(Base),
        providers.Object(Base),
        providers.List(),
    ]
)


@given(annotation=annotations, value=values)
def test_no_annotation_makes_the_check_raise(annotation: Any, value: Any) -> None:
    findings_for(value, annotation)


def test_a_class_without_a_hash_is_read_as_any_other() -> None:
    class Equal(type):
        def __eq__(cls, other: object) -> bool:
            return NotImplemented

        __hash__ = None  # type: ignore[assignment]

    class Odd(metaclass=Equal):
        port: int = 1

        def __init__(self, base: Base) -> None:
            raise AssertionError("built")

    odd = providers.Singleton(Odd, providers.Singleton(Other))
    (finding,) = check(container_of(odd=odd, port=odd.provided.port))
    assert (finding.path, finding.kind) == ("odd", "type")
