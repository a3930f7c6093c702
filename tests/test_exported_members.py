import importlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
    "packages"
]
EXPORTING = [name for name in PACKAGES if hasattr(importlib.import_module(name), "__all__")]


@pytest.mark.parametrize("name", EXPORTING)
def test_exported_names_exist_once_and_in_order(name: str) -> None:
    package = importlib.import_module(name)
    exported: list[str] = package.__all__
    assert exported == sorted(set(exported))
    assert [member for member in exported if not hasattr(package, member)] == []


@pytest.mark.parametrize("name", EXPORTING)
def test_what_a_package_shows_is_exported(name: str) -> None:
    package = importlib.import_module(name)
    shown = {
        member
        for member, value in vars(package).items()
        if not member.startswith("_") and getattr(value, "__module__", "").startswith(f"{name}.")
    }
    assert shown - set(package.__all__) == set()


@pytest.mark.parametrize("module", ["account", "auth", "mail_query", "containers"])
def test_packages_of_the_public_face_export_their_names(module: str) -> None:
    assert f"iacs.{module}" in EXPORTING
