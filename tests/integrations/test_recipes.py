"""Each recipe of the documentation runs with the framework that the tests have."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
RECIPES = dict(re.findall(r"^## (.+?)\n.*?^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_there_is_a_recipe_for_each_framework() -> None:
    assert list(RECIPES) == ["Click", "Typer", "taskiq", "FastStream", "Temporal activities"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_parts_and_writes_unless_its_work_fails(name: str, tmp_path: Path) -> None:
    (parts,) = re.findall(r"^cat > parts.py <<'PYTHON'\n(.*?)^PYTHON$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "parts.py").write_text(parts)
    (tmp_path / "recipe.py").write_text(RECIPES[name])
    done = subprocess.run(
        [sys.executable, "recipe.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
