"""What pydantic converts is left to it."""

from typing import Any

import pytest
from dependency_injector import providers
from pydantic import BaseModel, ConfigDict, Field, RootModel

from iacs.runtime.checks import check
from tests.runtime.checks.test_settings import FromEnvironment, Group, Settings
from tests.runtime.counted import container_of


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    port: int
    name: str = Field(default="", alias="Name")


class Prices(RootModel[dict[str, int]]):
    pass


@pytest.mark.parametrize(
    ("provider", "kinds"),
    [
        (providers.Singleton(Strict, port="1"), []),
        (providers.Singleton(Strict, port=1, Name="a"), []),
        (providers.Singleton(Strict), ["arity"]),
        (providers.Singleton(Strict, port=1, prot=2), ["arity"]),
        (providers.Singleton(Strict, 1, port=1), ["arity"]),
        (providers.Singleton(Group, port=1), []),
        (providers.Singleton(Settings), []),
        (providers.Singleton(FromEnvironment), []),
        (providers.Singleton(Settings, _env_file=None), []),
        (providers.Singleton(Prices, {"gold": 1}), []),
        (providers.Singleton(Prices, root={"gold": 1}), []),
        (providers.Singleton(Prices, gold=1, silver=2), []),
        (providers.Singleton(RootModel[list[int]], [1, 2]), []),
        (providers.Singleton(Prices), ["arity"]),
        (providers.Singleton(Prices, {}, {}), ["arity"]),
    ],
)
def test_a_pydantic_model_takes_what_it_converts(provider: providers.Provider[Any], kinds: list[str]) -> None:
    assert [finding.kind for finding in check(container_of(part=provider))] == kinds
