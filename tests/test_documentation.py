"""Every command and every block of code in README and docs runs, in the order in which they stand."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$|\bRun `(.+?)`", re.MULTILINE | re.DOTALL)
SHOWN_ONLY = {"", "mermaid", "text", "dotenv", "yaml", "toml", "json"}
NOT_HERE = {
    "git clone": "the tests already stand in a checkout",
    "make test": "is what runs this test",
    "docker ": "needs Docker",
}


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield language and text of each block that a reader would run."""
    for language, text, in_a_sentence in BLOCK.findall(page.read_text()):
        if in_a_sentence:
            yield "sh", in_a_sentence
        elif language not in SHOWN_ONLY:
            yield language, text


def script(page: Path) -> str:
    """Return one shell script that does what a reader of the whole page does."""
    parts = ["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for language, text in blocks(page):
        if language == "python":
            parts.append(f"python - <<'END_OF_BLOCK'\n{text}END_OF_BLOCK")
        else:
            parts.extend(line for line in text.splitlines() if runs_here(line))
    return "\n".join(parts)


def runs_here(line: str) -> bool:
    if "KAFKA=1" in line and not (shutil.which("java") and shutil.which("mvn")):
        return "IACS_REQUIRE_SERVICES" in os.environ
    return not line.startswith(tuple(NOT_HERE))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy what a clone would hold, with the packages that are installed already."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        target = tmp_path / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    for old in ("pyproject.toml", "constraints.txt"):  # or make would install anew, into our own .venv
        os.utime(tmp_path / "checkout" / old, (0, 0))
    for kept in (".venv", ".cache"):
        (tmp_path / "checkout" / kept).symlink_to(ROOT / kept)
    return tmp_path / "checkout"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_runs(page: Path, checkout: Path) -> None:
    environment = os.environ | {
        "PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(checkout.parent),
    }
    done = subprocess.run(
        ["bash", "-c", script(page)],
        check=False,
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page: Path) -> None:
    languages = {language for language, *_ in BLOCK.findall(page.read_text())}
    assert languages <= SHOWN_ONLY | {"sh", "python"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []
