"""docs/security.md names the test of each requirement: all of them exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NODE = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def functions_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


def test_every_test_that_the_page_names_exists() -> None:
    named = NODE.findall((ROOT / "docs" / "security.md").read_text())
    assert len(named) > 40
    assert [f"{path}::{name}" for path, name in named if name not in functions_in(path)] == []
