"""The programs under `examples/` run as a person would run them."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def run(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "100"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def quickstart(cwd: Path, *arguments: str) -> str:
    done = run(EXAMPLES / "quickstart.py", "--folder", "data", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def counts(text: str) -> dict[str, list[str]]:
    """Return the summary's rows: a name and its figures."""
    rows = (re.split(r"\s{2,}", line.strip()) for line in text.partition("Summary")[2].splitlines())
    return {name: figures for name, *figures in rows if figures}


def test_the_quickstart_counts_the_same_at_both_ends_and_finds_nothing_new_afterwards(tmp_path: Path) -> None:
    first = quickstart(tmp_path)
    (held,) = counts(first)["messages in the mailboxes"]
    assert int(held) > 0
    assert counts(first)["messages stored"] == [held, f"{held} new"]
    assert counts(first)["events published"] == counts(first)["events read back"] == [held]

    second = quickstart(tmp_path)
    assert "Nothing new" in second
    assert counts(second)["messages stored"] == [held, "0 new"]
    assert counts(second)["events published"] == counts(second)["events read back"] == ["0"]


def test_a_mailbox_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = run(EXAMPLES / "quickstart.py", "--mailbox", "no-such.mbox", cwd=tmp_path)
    assert done.returncode == 1
    assert "no-such.mbox" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_host_reports_from_the_shared_database_and_logs_in_its_own_way(tmp_path: Path) -> None:
    quickstart(tmp_path)
    database = f"sqlite:///{tmp_path}/data/iacs.db"
    done = run("-m", "embedding", cwd=EXAMPLES, HOST_DATABASE_URL=database)
    assert done.returncode == 0, done.stderr
    assert "carol@contoso.example alice@contoso.example=2" in done.stdout
    assert "HOST INFO host counted" in done.stderr


def test_the_host_shares_its_settings_and_its_database_and_replaces_one_part() -> None:
    code = """
from embedding.containers import HostContainer
host = HostContainer()
core = host.mail().core()
assert core.config() is host.config()
assert core.database() is host.database()
assert host.mail().mail_query().topic() == "host.mail.received"
"""
    done = run("-c", code, cwd=EXAMPLES)
    assert done.returncode == 0, done.stderr


def test_a_module_of_ones_own_reads_what_is_stored(tmp_path: Path) -> None:
    quickstart(tmp_path)
    done = run("-m", "own_module", cwd=EXAMPLES, DATABASE_URL=f"sqlite:///{tmp_path}/data/iacs.db")
    assert done.returncode == 0, done.stderr
    assert "account='alice@contoso.example' messages=12 busiest='carol@contoso.example'" in done.stdout


def test_a_module_of_ones_own_is_fewer_than_forty_lines() -> None:
    names = ("schema.py", "service.py", "containers.py")
    assert own_lines(*(EXAMPLES / "own_module" / name for name in names)) < 40


def test_a_module_of_ones_own_takes_part_in_check_graph_health_and_overlays(tmp_path: Path) -> None:
    code = """
import asyncio
from iacs.runtime import Application, check
from own_module.containers import DigestApplication
from own_module.service import DigestService

class NoMail:
    async def stored(self, account):
        for message in ():
            yield message

async def use():
    app = Application(DigestApplication())
    assert "digest.service" in {node.path for node in app.graph().nodes}
    assert "mail_query.service" in str(app.explain("digest.service"))
    async with app:
        health = await app.health()
        modules = {module.name: module for module in health.modules}
        assert [cause.path[0] for cause in modules["digest"].causes] == ["digest.service"] * 2
        with app.overlay({"digest.mail": NoMail()}) as view:
            digest = await view.get(DigestService).digest("alice@contoso.example")
            assert digest.messages == 0 and view["mail_query.service"] is app["mail_query.service"]

assert check(DigestApplication()) == ()
asyncio.run(use())
"""
    done = run("-c", code, cwd=EXAMPLES, DATABASE_URL=f"sqlite:///{tmp_path}/own.db")
    assert done.returncode == 0, done.stderr


def own_lines(*files: Path) -> int:
    return sum(bool(line.strip()) for file in files for line in file.read_text().splitlines())


def test_a_service_with_mail_sign_in_and_health_is_at_most_sixty_lines() -> None:
    folder = EXAMPLES / "fastapi_service"
    assert own_lines(folder / "__init__.py", folder / "app.py") <= 60


def test_the_service_s_own_tests_pass(tmp_path: Path) -> None:
    tests = EXAMPLES / "fastapi_service" / "test_service.py"
    options = ("-p", "no:cacheprovider", "-c", os.devnull, "--import-mode=importlib", "--asyncio-mode=auto")
    done = run("-m", "pytest", "--quiet", *options, tests, cwd=tmp_path, PYTHONPATH=str(EXAMPLES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_serves_what_the_quickstart_has_stored(tmp_path: Path) -> None:
    quickstart(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--port", "0", "--factory", "fastapi_service.app:create_api"],
        cwd=tmp_path / "data",  # its .env has the settings
        env=os.environ | {"PYTHONPATH": str(EXAMPLES)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        log = []
        for line in process.stderr:
            log.append(line)
            if address := re.search(r"running on (http://\S+)", line):
                break
        else:
            raise AssertionError("".join(log))
        with urlopen(f"{address[1]}/mail/alice@contoso.example?limit=5", timeout=30) as answer:  # noqa: S310
            assert len(json.load(answer)) == 5
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
