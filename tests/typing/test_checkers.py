"""What mypy and pyright say of right.py and wrong.py: every line marked wrong is flagged by both, and no other."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RIGHT, WRONG = HERE / "right.py", HERE / "wrong.py"
MARKED = {
    number
    for number, line in enumerate(WRONG.read_text(encoding="utf-8").splitlines(), start=1)
    if re.search(r"# wrong: \w", line)
}


def mypy(tmp_path: Path) -> set[tuple[str, int]]:
    said = _run("mypy", "--strict", "--output", "json", str(RIGHT), str(WRONG))
    diagnostics = [json.loads(line) for line in said.splitlines()]
    return {
        (Path(diagnostic["file"]).name, diagnostic["line"])
        for diagnostic in diagnostics
        if diagnostic["severity"] == "error"
    }


def pyright(tmp_path: Path) -> set[tuple[str, int]]:
    """Ask it with a configuration of its own: the project's leaves wrong.py out."""
    include = [os.path.relpath(path, tmp_path) for path in (RIGHT, WRONG)]
    settings = {"include": include, "extraPaths": [str(ROOT)]}
    project = tmp_path / "pyrightconfig.json"
    project.write_text(json.dumps(settings), encoding="utf-8")
    said = _run("pyright", "--project", str(project), "--outputjson", "--pythonpath", sys.executable)
    diagnostics: list[dict[str, Any]] = json.loads(said)["generalDiagnostics"]
    return {
        (Path(diagnostic["file"]).name, diagnostic["range"]["start"]["line"] + 1)
        for diagnostic in diagnostics
        if diagnostic["severity"] == "error"
    }


def _run(tool: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", tool, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, pyright])
def test_every_wrong_line_is_flagged_and_no_right_one(checker: Any, tmp_path: Path) -> None:
    assert len(MARKED) > 40
    assert checker(tmp_path) == {(WRONG.name, number) for number in MARKED}
