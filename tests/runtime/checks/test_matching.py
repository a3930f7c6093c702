"""Which argument meets which parameter: the same as in a call."""

import inspect
from typing import (
    Any,
)

from dependency_injector import providers
from hypothesis import given
from hypothesis import strategies as st

from iacs.runtime.checks import check
from iacs.runtime.checks.matching import Argument, bind
from tests.runtime.counted import container_of


def test_a_keyword_of_the_name_of_a_positional_parameter_goes_with_the_rest() -> None:
    def consume(first: int, /, **rest: str) -> None:
        raise AssertionError("called")

    assert check(container_of(part=providers.Singleton(consume, 1, first="a"))) == ()


names = st.sampled_from(["a", "b", "c", "d"])


@st.composite
def signatures(draw: st.DrawFn) -> inspect.Signature:
    kinds = sorted(draw(st.lists(st.sampled_from(list(inspect._ParameterKind)), max_size=4)))
    single = [kind for kind in inspect._ParameterKind if kind.name.startswith("VAR")]
    kinds = [kind for place, kind in enumerate(kinds) if kind not in single or kind not in kinds[:place]]
    parameters: list[inspect.Parameter] = []
    defaults = False
    for name, kind in zip("abcd", kinds, strict=False):
        optional = kind not in single and (draw(st.booleans()) or (defaults and kind < kind.VAR_POSITIONAL))
        defaults = defaults or optional
        parameters.append(inspect.Parameter(name, kind, default=1 if optional else inspect.Parameter.empty))
    return inspect.Signature(parameters)


def called(signature: inspect.Signature, positions: list[str], keywords: list[str]) -> dict[str, Any] | None:
    """Return what each parameter gets in a real call, None when it is refused; some of 3.11's `bind` is not."""
    scope: dict[str, Any] = {}
    exec(f"def call{signature}: return locals()", scope)  # noqa: S102 - of this test's own making
    try:
        return dict(scope["call"](*positions, **dict(zip(keywords, keywords, strict=True))))
    except TypeError:
        return None


@given(signature=signatures(), positions=st.integers(0, 5), keywords=st.sets(names))
def test_arguments_meet_parameters_as_in_a_call(
    signature: inspect.Signature, positions: int, keywords: set[str]
) -> None:
    first, named = [str(position) for position in range(positions)], sorted(keywords)
    arguments = [Argument(name, "argument", name, None) for name in first]
    arguments += [Argument(name, "keyword", name, None) for name in named]
    bound = bind(signature, tuple(arguments))
    expected = called(signature, first, named)
    refused = bool(bound.surplus or bound.unknown or bound.twice or bound.missing)
    assert refused == (expected is None)
    for parameter, argument in bound.pairs if expected is not None else ():
        got = {} if expected is None else expected[parameter.name]
        assert argument.value in (got if parameter.kind.name.startswith("VAR") else [got])
