import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINKED = {"containers": "iacs.containers", "sql": "iacs.sql"}
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def test_declared_packages_are_the_folders_that_exist() -> None:
    folders = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "iacs").rglob("__init__.py")
        if not set(path.relative_to(ROOT / "iacs").parts) & LINKED.keys()
    }
    assert set(SETUPTOOLS["packages"]) == folders | set(LINKED.values())
    assert len(SETUPTOOLS["packages"]) == len(set(SETUPTOOLS["packages"]))


def test_linked_packages_are_mapped_to_the_folders_at_the_root() -> None:
    assert SETUPTOOLS["package-dir"] == {package: folder for folder, package in LINKED.items()}


@pytest.mark.parametrize("folder", LINKED)
def test_link_resolves_to_the_folder_at_the_root(folder: str) -> None:
    link = ROOT / "iacs" / folder
    assert link.is_symlink(), f"{link} was lost: check out again where symbolic links are allowed"
    assert not link.readlink().is_absolute()
    assert link.resolve() == ROOT / folder


def test_folder_of_the_containers_is_not_imported_by_its_bare_name() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import containers"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr.endswith("ImportError: import iacs.containers, not containers\n")


def test_pinned_versions_name_no_address() -> None:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in pins
    assert " @ " not in pins
    assert all("==" in line for line in pins.splitlines())


def test_license_is_the_one_that_is_declared() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License\n\nCopyright (c) 2026 The iacs authors\n")


def test_importing_the_package_imports_nothing_else() -> None:
    script = "import sys; before = set(sys.modules); import iacs; import json; print(json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert [name for name in json.loads(done.stdout) if not name.startswith(("json", "_json"))] == ["iacs"]
