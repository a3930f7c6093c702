"""Large containers: the cost grows in proportion to the size, and a deep chain does not crash."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import IACSGraphError, StartError
from iacs.runtime import Application

DEEP = """
import sys
from dependency_injector import containers, providers
from iacs.core.exceptions import IACSGraphError
from iacs.runtime import Application

class Part:
    def __init__(self, *below): self.below = below

container = containers.DynamicContainer()
provider = None
for number in range(5000):
    provider = getattr(providers, sys.argv[1])(Part, *([provider] if provider else []))
    setattr(container, f"p{number}", provider)
with Application(container).sync() as app:
    try:
        app["p4999"]
        with app.overlay(p0=Part()) as view:
            view["p4999"]
    except IACSGraphError as error:
        print(error)
    else:
        print("run")
"""


class Part:
    def __init__(self, *below: object) -> None:
        self.below = below


def _container(number: int, shape: str) -> containers.DynamicContainer:
    container = containers.DynamicContainer()
    made: list[Any] = []
    for index in range(number):
        below = {"chain": made[-1:], "wide": made[:1], "tree": made[index // 2 : index // 2 + 1]}[shape]
        made.append(providers.Singleton(Part, *below))
        setattr(container, f"p{index}", made[-1])
    return container


def _steps(work: Callable[[], object]) -> int:
    """Count the calls and lines of Python that some work takes: that is the same each time."""
    counted = 0

    def trace(_frame: object, _event: str, _arg: object) -> Any:
        nonlocal counted
        counted += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return counted


def _use(container: containers.DynamicContainer) -> None:
    with Application(container).sync() as app, app.overlay(p0=Part()) as view:
        assert view["p1"] is not app["p1"]


@pytest.mark.parametrize("shape", ["chain", "wide", "tree"])
def test_ten_times_the_parts_take_ten_times_the_steps(shape: str) -> None:
    _use(_container(10, shape))  # what is worked out once in a process
    small, large = _container(60, shape), _container(600, shape)
    assert _steps(lambda: _use(large)) < 13 * _steps(lambda: _use(small))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Singleton", "Resource"])
def test_a_chain_of_five_thousand_parts_is_run(kind: str) -> None:
    assert _deep(kind) == "run\n"


@pytest.mark.parametrize("kind", ["Factory", "Callable"])
def test_a_chain_of_five_thousand_factories_is_refused_with_a_sentence(kind: str) -> None:
    assert _deep(kind).startswith("p4999 cannot be made: its factories need one another more deeply than")


def _deep(kind: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", DEEP, kind], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    return done.stdout


def test_a_part_on_top_of_too_many_factories_is_refused_with_a_sentence() -> None:
    container = containers.DynamicContainer()
    provider: Any = None
    for _ in range(3000):
        provider = providers.Factory(Part, *([provider] if provider else []))
    container.top = providers.Singleton(Part, provider)
    with pytest.raises(StartError, match="its factories need one another more deeply") as caught:
        Application(container).sync().__enter__()
    assert isinstance(caught.value, IACSGraphError)
    assert caught.value.path == "top"
