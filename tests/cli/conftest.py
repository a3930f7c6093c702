"""Run commands in the test's process or in one of their own, always from the arguments to the exit code."""

import asyncio
import logging
import os
import pty
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from iacs.auth import AuthorizationCallback
from iacs.cli import main
from iacs.containers import ApplicationContainer
from iacs.core.encryption import Encryption
from iacs.runtime import Application
from iacs.sandbox import Sandbox

ENROLLMENT = Path(__file__).parents[2] / "examples" / "enrollment"
ALICE, BOB, CAROL = (f"{name}@contoso.example" for name in ("alice", "bob", "carol"))
DEADLINE = 60.0
"""Seconds for anything that another process has to do."""


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Iacs = Callable[..., Ran]
SignIn = Callable[..., Awaitable[None]]


@pytest.fixture
def iacs(capsys: pytest.CaptureFixture[str]) -> Iterator[Iacs]:
    """In this process; beside a running cloud it needs a thread of its own: `await to_thread(iacs, …)`."""

    def run(*args: str) -> Ran:
        capsys.readouterr()
        code = main(args)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    logger = logging.getLogger("iacs")
    level = logger.level
    yield run
    logger.setLevel(level)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def at_cloud(cloud: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Lead every command of this test to the stand-in."""
    settings = cloud.settings | {
        "TOKEN_ENCRYPTION_KEY": Encryption.new_key(),
        "AZURE_REDIRECT_URI": f"http://localhost:{free_port()}/callback",
        "ENROLLMENT_DIRECTORY": str(ENROLLMENT),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return cloud


@pytest.fixture
def sign_in(at_cloud: Sandbox) -> SignIn:
    """Enrol the samples and sign people in, without the command line."""

    async def run(*emails: str) -> None:
        container = ApplicationContainer()
        async with Application(container), aiohttp.ClientSession() as browser:
            await container.account().service().sync()
            service = container.auth().service()
            for email in emails:
                request = await service.begin(email)
                async with browser.get(request.url, allow_redirects=False) as answer:
                    query = answer.headers["Location"].partition("?")[2]
                await service.complete(_callback(query))

    return run


def _callback(query: str) -> AuthorizationCallback:
    from urllib.parse import parse_qs

    fields = {name: values[0] for name, values in parse_qs(query).items()}
    return AuthorizationCallback.model_validate({"state": fields["state"], "code": fields["code"]})


class Command:
    """`iacs …` in a process of its own, whose output can be read while it runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), DEADLINE)).decode().rstrip("\n")

    async def rest(self) -> Ran:
        out, err = await asyncio.wait_for(self.process.communicate(), DEADLINE)
        assert self.process.returncode is not None
        return Ran(self.process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def started(*args: str) -> AsyncIterator[Command]:
    """Start a command with this test's environment and folder; end it, should it still run."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "iacs", *args, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    try:
        yield Command(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def run_process(*args: str) -> Ran:
    async with started(*args) as command:
        return await command.rest()


async def on_terminal(*args: str) -> str:
    """Run a command whose output is a terminal, and return what was written there."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "iacs", *args, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = await asyncio.to_thread(_read_all, ours)
    assert await process.wait() == 0, written
    return written


def _read_all(terminal: int) -> str:
    parts = []
    try:
        while part := os.read(terminal, 65536):
            parts.append(part)
    except OSError:  # Linux says so when the other end is closed
        pass
    finally:
        os.close(terminal)
    return b"".join(parts).decode()
