"""The stand-in, started by command."""

import json
import shlex
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.cli.conftest import ALICE, BOB, Command, started

MAILBOXES = Path(__file__).parents[2] / "examples" / "mailboxes"


async def status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


async def exports(command: Command) -> dict[str, str]:
    settings: dict[str, str] = {}
    while "GRAPH_URL" not in settings:
        export, setting = shlex.split(await command.line())
        assert export == "export"
        name, _, value = setting.partition("=")
        settings[name] = value
    return settings


async def test_it_prints_the_settings_that_lead_to_it_and_what_it_holds() -> None:
    mail = [f"{ALICE}={MAILBOXES / 'alice.mbox'}", f"{BOB}={MAILBOXES / 'bob'}"]
    async with started("sandbox", "--port", "0", "--mailbox", mail[0], "--mailbox", mail[1]) as command:
        settings = await exports(command)
        code = await status(
            f"{settings['AZURE_AUTHORITY_HOST']}/common/v2.0/.well-known/openid-configuration"
        )
        command.process.send_signal(signal.SIGINT)
        ran = await command.rest()
    assert code == 200
    assert {"AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"} < settings.keys()
    assert (ran.code, ran.out) == (130, "")
    assert f"{ALICE} has 12 messages" in ran.err
    assert f"{BOB} has 6 messages" in ran.err
    assert "Traceback" not in ran.err


def is_file(path: str) -> bool:
    return Path(path).is_file()


def loose_files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_it_leaves_nothing_behind(
    number: signal.Signals, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    async with started("sandbox", "--port", "0", "--https", "--json") as command:
        report = json.loads(await command.line())
        assert is_file(report["settings"]["HTTP_CA_FILE"])
        command.process.send_signal(number)
        ran = await command.rest()
    assert report["url"].startswith("https://127.0.0.1:")
    assert report["mailboxes"] == {ALICE: 0}
    assert ran.code == code
    assert loose_files(tmp_path) == []


async def test_a_state_is_kept_and_a_file_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    state = ["--state", str(tmp_path / "state"), "--port", "0", "--json"]
    for mailbox in (["--mailbox", f"{BOB}={MAILBOXES / 'bob'}"], []):
        async with started("sandbox", *state, *mailbox) as command:
            report = json.loads(await command.line())
            command.process.send_signal(signal.SIGTERM)
            await command.rest()
        assert report["mailboxes"] == {BOB: 6}
    foreign = write(tmp_path / "foreign", "AZURE_CLIENT_ID=1")
    async with started("sandbox", "--state", str(foreign), "--port", "0") as command:
        ran = await command.rest()
    assert ran.code == 1
    assert f"{foreign} is not the state of a stand-in" in ran.err
    assert text(foreign) == "AZURE_CLIENT_ID=1"


def write(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def text(path: Path) -> str:
    return path.read_text()
