"""Every command and every block of code in README and docs runs, in the order in which they appear.

The README runs as in a fresh clone: `make demo` installs, and nothing else is there. The pages below docs/ run in an
environment that holds what `pip install 'iacsgraph[postgresql,sandbox]'` brings, and what the page itself installs.
"""

import codeop
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.checkout import ROOT, copy_checkout
from tests.fixtures.sessions import end_session, killed_with_this_process

README = ROOT / "README.md"
GUIDES = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *GUIDES]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$|\bRun `(.+?)`", re.MULTILINE | re.DOTALL)
SHOWN_ONLY = {"powershell", "", "mermaid", "text", "dotenv", "yaml", "toml", "json"}
NOT_HERE = {
    "git clone": "the tests already run in a checkout",
    "make test": "is what runs this test",
    "docker ": "needs Docker",
}
GENERATED = {".venv", ".demo", ".cache", "build", "iacsgraph.egg-info", "__pycache__"}
"""What git ignores, and a clone may therefore hold after its blocks ran."""


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield language and text of each block that a reader would run."""
    for language, text, in_a_sentence in BLOCK.findall(page.read_text()):
        if in_a_sentence:
            yield "sh", in_a_sentence
        elif language not in SHOWN_ONLY:
            yield language, text


def script(page: Path) -> str:
    """Return one shell script that does what a reader of the whole page does."""
    parts = ["set -euo pipefail"]
    for language, text in blocks(page):
        if language == "python":
            parts.append(f"python -W error::DeprecationWarning - <<'END_OF_BLOCK'\n{text}END_OF_BLOCK")
        else:
            parts.extend(line for line in text.splitlines() if runs_here(line))
    return "\n".join(parts)


def runs_here(line: str) -> bool:
    if "KAFKA=1" in line and not (shutil.which("java") and shutil.which("mvn")):
        return "IACS_REQUIRE_SERVICES" in os.environ
    return not line.startswith(tuple(NOT_HERE))


@pytest.fixture
def clone(public_folder: Path) -> Path:
    """Return what a clone would hold, and nothing that is installed here."""
    target = public_folder / "clone"
    copy_checkout(target)
    (ROOT / ".cache").mkdir(exist_ok=True)
    (target / ".cache").symlink_to(ROOT / ".cache")  # Kafka's jars, downloaded once
    return target


@pytest.fixture(scope="session")
def installed() -> Path:
    """Install the distribution and its extras, once for all workers; return the environment."""
    environment = ROOT / ".cache" / "documentation"
    environment.parent.mkdir(exist_ok=True)
    inputs = "".join((ROOT / name).read_text() for name in ("pyproject.toml", "constraints.txt"))
    with Path(f"{environment}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the process that holds it
        done = environment / "installed"
        if not (done.exists() and done.read_text() == inputs):
            create_environment(environment)
            done.write_text(inputs)
    return environment


def create_environment(environment: Path) -> None:
    python = str(environment / "bin" / "python")
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(environment)],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--constraint", "constraints.txt", "--editable", ".[postgresql,sandbox]"],
    ):  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True, timeout=280, capture_output=True)


@pytest.fixture
def own_environment(installed: Path, tmp_path: Path) -> Path:
    """Return an environment for one page: what is installed, and what the page adds without touching others."""
    environment = tmp_path / "environment"
    # Without a pip of its own, which takes seconds to install: the other one's installs into this environment as well.
    command = [sys.executable, "-m", "venv", "--without-pip", str(environment)]
    subprocess.run(command, check=True, timeout=100)
    (site_packages,) = installed.glob("lib/python*/site-packages")
    (own,) = environment.glob("lib/python*/site-packages")
    (own / "installed.pth").write_text(f"import site; site.addsitedir({str(site_packages)!r})\n")
    for name in ("iacs", "pip"):
        command_file = environment / "bin" / name
        lines = (installed / "bin" / name).read_text().splitlines(keepends=True)
        command_file.write_text(f"#!{environment}/bin/python\n{''.join(lines[1:])}")
        command_file.chmod(0o755)
    return environment


def run(script: str, *, cwd: Path, **environment: str) -> None:
    """Run a script in its own session; fail if it fails or leaves a process running."""
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    process = subprocess.Popen(
        ["bash", "-c", script],
        cwd=cwd,
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with killed_with_this_process(process.pid):
        try:
            output, _ = process.communicate(timeout=580)  # ends only when every process has closed its output
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"still running: {error.stdout!r}") from error
        finally:
            left = end_session(process.pid)
    assert process.returncode == 0, output[-5000:]
    assert not left, f"the page leaves processes running: {left}"


def files_of(folder: Path) -> set[str]:
    """Return every file that git would see as new or known."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not GENERATED.intersection(path.relative_to(folder).parts)
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_readme_runs_from_top_to_bottom_in_a_fresh_clone(clone: Path) -> None:
    before = files_of(clone)
    run(script(README), cwd=clone)
    assert files_of(clone) == before


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_every_block_of_a_page_runs_where_only_the_distribution_is_installed(
    page: Path, clone: Path, own_environment: Path
) -> None:
    before = files_of(clone)
    path = f"{own_environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    run(script(page), cwd=clone, PATH=path, HOME=str(clone.parent))
    assert files_of(clone) == before


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page: Path) -> None:
    languages = {language for language, *_ in BLOCK.findall(page.read_text())}
    assert languages <= SHOWN_ONLY | {"sh", "python"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_can_be_pasted_into_the_python_prompt(page: Path) -> None:
    for language, text in blocks(page):
        if language == "python":
            assert pasted(text) == "", f"{page.name}: incomplete after the last line of\n{text}"


def pasted(text: str) -> str:
    """Compile a block as the prompt does, line by line; return what it still waits for at the end."""
    waiting: list[str] = []
    for line in [*text.splitlines(), ""]:
        waiting.append(line)
        if codeop.compile_command("\n".join(waiting), symbol="single") is not None:
            waiting = []
    return "\n".join(waiting)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    assert [page.name for page in GUIDES if page.name != "index.md" and f"({page.name})" not in index] == []


def test_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
