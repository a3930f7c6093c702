"""Every way a command can end, and its last message."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest
import typer

from iacs.cli.edge import INTERRUPTED, PIPE_CLOSED, Edge, describe
from iacs.core.exceptions import AccountNotFoundError, ConfigurationError, IACSGraphError

SECRET = "s3cr3t-value"


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (IACSGraphError("no"), 1),
        (typer.BadParameter("no"), 2),
        (KeyboardInterrupt(), INTERRUPTED),
        (typer.Abort(), INTERRUPTED),
        (ValueError("no"), 1),
        (PermissionError(13, "Permission denied", "iacs.db"), 1),
    ],
)
def test_every_error_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Edge().run(raising(error)) == code
    assert capsys.readouterr().out == ""


def test_an_error_of_ours_is_its_message_and_its_hint_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    error = AccountNotFoundError("bob is not\nenrolled", hint="run: iacs account sync \x1b[2J")
    Edge().run(raising(error))
    assert capsys.readouterr().err == "iacs: bob is not enrolled; run: iacs account sync \\x1b[2J\n"


def test_an_unexpected_error_says_how_to_see_more_and_not_what_it_held(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Edge().run(raising(ValueError(SECRET)))
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert "--debug" in said
    assert SECRET not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("error", [ValueError("wrong"), IACSGraphError("no")])
def test_debug_adds_the_traceback(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    Edge(debug=True).run(raising(error))
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert said.splitlines()[-1].startswith("iacs: ")


def test_errors_that_came_together_are_reported_together_and_once() -> None:
    errors = [
        ConfigurationError(["A is not set", "B is not set"]),
        IACSGraphError("no", hint="try again"),
        IACSGraphError("no", hint="try again"),
    ]
    assert describe(ExceptionGroup("several", errors)) == "A is not set; B is not set; no; try again"


def test_an_error_of_the_system_names_the_file() -> None:
    assert describe(FileNotFoundError(2, "No such file or directory", "x.pem")) == (
        "x.pem: No such file or directory"
    )


def _python(code: str) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "write", ["table.row(str(number))", "print_json({'n': number})", "line(str(number))", "print(number)"]
)
def test_a_reader_that_goes_away_ends_the_command_quietly(write: str) -> None:
    process = _python(
        f"""
        import sys
        from iacs.cli.edge import Edge
        from iacs.cli.output import line, print_json
        from iacs.cli.table import Column, Table
        def command():
            table = Table(Column("number"))
            for number in range(1_000_000):
                {write}
        sys.exit(Edge().run(command))
        """
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == PIPE_CLOSED


@pytest.mark.parametrize("command", [["config", "show"], ["graph"], ["--help"]])
@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-"])
def test_a_closed_standard_stream_is_not_an_error(command: list[str], closed: str) -> None:
    line = f"{sys.executable} -m iacs {' '.join(command)} {closed}"
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, "error" in done.stderr) == (0, False)
    assert (done.stdout == "") is (closed == ">&-")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_closes_everything_and_ends_without_a_traceback(number: signal.Signals, code: int) -> None:
    process = _python(
        """
        import asyncio, sys
        from iacs.cli.edge import Edge
        from iacs.cli.running import run_async
        async def work():
            try:
                print("ready", flush=True)
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                print("closed", flush=True)
        sys.exit(Edge().run(lambda: run_async(work())))
        """
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.read() == "closed\n"
        assert process.stderr.read() == ""
    assert process.returncode == code
