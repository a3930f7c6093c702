import asyncio
import contextvars
import io
import json
import logging
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from iacs.core._logging.line import LineFormatter, LineHandler, LogFormat
from iacs.core.exceptions import ConfigurationError
from iacs.core.logger import Logger, create_logger, log_context, set_level

SECRET = "s3same-0pen"


@pytest.fixture
def name() -> Iterator[str]:
    """Name a logger that nobody else uses, and forget it afterwards."""
    name = f"host-{uuid4().hex}"
    yield name
    known = logging.Logger.manager.loggerDict
    for used in [other for other in known if other.startswith(name)]:
        del known[used]


def printing(name: str, *, level: str = "INFO", format: LogFormat = "auto") -> Logger:
    """Create a logger that prints its lines itself.

    pytest listens to the root logger, and when a test begins, to every other that does not propagate.
    """
    logging.getLogger(name).propagate = False
    return create_logger(name, level=level, format=format)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def fail(text: str, *, cause: Exception | None = None) -> None:
    raise RuntimeError(text) from cause


def test_event_is_one_json_line_with_its_fields(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    printing(name).info("message stored", account="alice@a.example", size=5, folder="Überblick")
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "logger": name,
        "event": "message stored",
        "account": "alice@a.example",
        "size": 5,
        "folder": "Überblick",
    }


def test_four_levels_are_distinguished(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logger = printing(name, level="debug")
    for log in (logger.debug, logger.info, logger.warning, logger.error):
        log("happened")
    assert [line["level"] for line in lines(capsys)] == ["debug", "info", "warning", "error"]


def test_fields_do_not_replace_what_every_line_has(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    printing(name).info("happened", level=1, logger=2, timestamp=3, exception=4, message=6, name=7)
    (line,) = lines(capsys)
    assert (line["level"], line["logger"], line["event"]) == ("info", name, "happened")
    assert [line[f"{own}_"] for own in ("level", "logger", "timestamp", "exception")] == [1, 2, 3, 4]
    assert (line["message"], line["name"]) == (6, 7)


def test_bound_fields_are_on_every_line_of_that_logger_alone(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = printing(name)
    bound = logger.bind(topic="mail").bind(partition=1)
    bound.info("a", partition=2)
    logger.info("b")
    first, second = lines(capsys)
    assert (first["topic"], first["partition"]) == ("mail", 2)
    assert "topic" not in second


def test_console_shows_one_line_for_people(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    printing(name, format="console").warning("folder skipped", folder="In\nbox\x1b[31m", reason="two words")
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "\x1b" not in shown
    assert "[warning  ] folder skipped" in shown
    assert r"folder=In\nbox\x1b[31m" in shown
    assert "reason='two words'" in shown


class Terminal:
    encoding = "ascii"

    def __init__(self) -> None:
        self.shown = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.shown += text.encode("ascii").decode()


def test_terminal_gets_colours_unless_they_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    printing(name).info("colourful")
    assert "\x1b[" in terminal.shown
    terminal.shown = ""
    monkeypatch.setenv("NO_COLOR", "1")
    printing(name).info("plain", folder="Überblick")
    assert "\x1b[" not in terminal.shown
    assert r"folder=\xdcberblick" in terminal.shown
    terminal.shown = ""
    printing(name, format="json").info("machine")
    assert json.loads(terminal.shown)["event"] == "machine"


def test_exception_is_rendered_with_its_cause(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    log = printing(name).error
    try:
        fail("outer", cause=KeyError("inner"))
    except RuntimeError as caught:
        log("failed", exc_info=True)
        log("failed", exc_info=caught)
        log("failed", exc_info=sys.exc_info())
    log("failed", exc_info=True)
    *rendered, without = lines(capsys)
    assert len({line["exception"] for line in rendered}) == 1
    assert rendered[0]["exception"].startswith(
        "KeyError: 'inner'\n\nThe above exception was the direct cause"
    )
    assert "Traceback (most recent call last):\n  File " in rendered[0]["exception"]
    assert rendered[0]["exception"].endswith("\nRuntimeError: outer")
    assert "exception" not in without


def test_console_shows_the_traceback_below_the_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    printing(name, format="console").error("failed", exc_info=ValueError("a\nb\x1b[31m"))
    assert capsys.readouterr().err.endswith("\nValueError: a\nb\\x1b[31m\n")


def test_secrets_in_an_exception_are_hidden_and_its_source_lines_are_kept(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    token, causes = SECRET, [ValueError(f"code={SECRET}"), ValueError(f"Bearer {SECRET}")]
    try:
        fail(text=f"refresh_token={token}", cause=ExceptionGroup("two", causes))
    except RuntimeError as error:
        error.add_note(f"sent state={SECRET}")
        printing(name).warning("failed", exc_info=error)
    (line,) = lines(capsys)
    assert SECRET not in str(line)
    assert line["exception"].count("[redacted]") == 4
    assert 'fail(text=f"refresh_token={token}", cause' in line["exception"]


def test_standard_loggers_below_are_printed_and_redacted_alike(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printing(name)
    below = logging.getLogger(f"{name}.broker")
    with log_context(account="alice"):
        below.warning(
            "to %s: %r, %d%%",
            f"kafka://me:{SECRET}@a",
            {"password": SECRET},
            50,
            extra={"api_key": SECRET, "n": 1},
        )
        below.warning("%(token)s of %(owner)s", {"token": SECRET, "owner": "bob"})
        below.warning({"client_secret": SECRET, "n": 2})
        below.warning("100% done")
    first, *others = lines(capsys)
    first.pop("timestamp")
    assert first == {
        "level": "warning",
        "logger": f"{name}.broker",
        "event": "to kafka://me:[redacted]@a: {'password': '[redacted]'}, 50%",
        "account": "alice",
        "api_key": "[redacted]",
        "n": 1,
    }
    assert [line["event"] for line in others] == [
        "[redacted] of bob",
        "{'client_secret': '[redacted]', 'n': 2}",
        "100% done",
    ]


class Rude:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


@pytest.mark.parametrize(("text", "argument"), [("%d", "x"), ("%s", Rude()), ("%q", 1), (Rude(), 1)])
def test_record_that_cannot_be_formatted_is_still_a_line(
    name: str, capsys: pytest.CaptureFixture[str], text: Any, argument: Any
) -> None:
    printing(name)
    logging.getLogger(f"{name}.below").error(text, argument)
    (line,) = lines(capsys)
    assert line["level"] == "error"
    assert SECRET not in str(line)


JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl-_c2lnbmF0dXJl"


@pytest.mark.parametrize("format", ["json", "console"])
@given(
    before=st.text(max_size=20),
    field=st.sampled_from(["note", "reason"]),
    arguments=st.booleans(),
    depth=st.integers(0, 5),
)
def test_secret_reaches_no_line_by_any_way(
    format: LogFormat, before: str, field: str, arguments: bool, depth: int
) -> None:
    held: Any = {"accessToken": SECRET, "text": f"{before}{JWT}"}
    for _ in range(depth):
        held = [before, {field: held}]
    record = logging.LogRecord("x", 20, "", 0, f"{before.replace('%', '')} %s", (held,), None)
    if not arguments:
        record.msg, record.args = f"{before} {JWT}", ()
        setattr(record, field, held)
    line = LineFormatter(format).format(record)
    assert "[redacted]" in line
    assert SECRET not in line + str(vars(record))
    assert JWT not in line + str(vars(record))


def test_exception_text_that_came_ready_made_is_redacted(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printing(name)
    record = logging.makeLogRecord(
        {"name": name, "levelno": 40, "msg": "from a queue", "exc_text": f"ValueError: token={SECRET}"}
    )
    logging.getLogger(name).handle(record)
    assert lines(capsys)[0]["exception"] == "ValueError: token=[redacted]"


def test_level_changes_while_running(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logger = printing(name).bind(a=1)
    logger.debug("unheard")
    set_level("debug", name)
    logger.debug("heard")
    logging.getLogger(f"{name}.below").debug("heard below")
    set_level("ERROR", name)
    logger.warning("unheard")
    assert [line["event"] for line in lines(capsys)] == ["heard", "heard below"]


def test_nothing_is_done_for_a_line_below_the_level(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = printing(name)

    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("iacs.core._logging.bound_logger.prepare", fail)
    logger.debug("unheard", value=Rude())


@pytest.mark.parametrize("level", ["loud", "", "NOTSET", "10"])
def test_unknown_level_is_refused(name: str, level: str) -> None:
    with pytest.raises(ConfigurationError, match=f"'{level}' is not a log level") as caught:
        set_level(level, name)
    assert caught.value.hint == "use one of DEBUG, INFO, WARNING, ERROR, CRITICAL"
    with pytest.raises(ConfigurationError):
        create_logger(name, level=level)


@pytest.mark.parametrize("root", ["", "root"])
def test_root_logger_is_never_taken(root: str) -> None:
    before = (list(logging.root.handlers), logging.root.level)
    with pytest.raises(ConfigurationError, match="root logger belongs to the application"):
        create_logger(root, level="DEBUG")
    assert (list(logging.root.handlers), logging.root.level) == before


def test_second_call_adds_no_handler_and_changes_level_and_format(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = printing(name)
    printing(name, level="DEBUG", format="console")
    first.debug("happened")
    assert len(logging.getLogger(name).handlers) == 1
    assert capsys.readouterr().err.count("happened") == 1


def test_threads_that_create_it_together_add_one_handler(name: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: printing(name), range(64)))
    assert len(logging.getLogger(name).handlers) == 1


@pytest.mark.parametrize("child_first", [True, False])
def test_logger_below_another_does_not_double_lines(
    name: str, capsys: pytest.CaptureFixture[str], child_first: bool
) -> None:
    names = [f"{name}.below", name] if child_first else [name, f"{name}.below"]
    logging.getLogger(name).propagate = False
    loggers = {name: create_logger(name) for name in names}
    loggers[f"{name}.below"].info("once")
    assert [line["event"] for line in lines(capsys)] == ["once"]


def test_handler_of_the_host_on_the_same_logger_prints_alone_and_sees_no_secret(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = io.StringIO()
    logging.getLogger(name).addHandler(logging.StreamHandler(shown))
    printing(name).info("ours", token=SECRET)
    logging.getLogger(f"{name}.below").info("theirs %s", f"token={SECRET}")
    assert capsys.readouterr().err == ""
    assert shown.getvalue().splitlines() == ["ours token='[redacted]'", "theirs token=[redacted]"]


def test_handler_that_prints_nothing_does_not_count(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger(name).addHandler(logging.NullHandler())
    printing(name).info("once")
    assert len(lines(capsys)) == 1


def test_caplog_hears_events_with_their_fields(
    name: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with log_context(account="alice"):
        create_logger(name).info("page stored", messages=100, password=SECRET)
    (record,) = caplog.records
    assert record.getMessage() == "page stored account='alice' messages=100 password='[redacted]'"
    assert vars(record)["iacs_event"] == "page stored"
    assert vars(record)["iacs_fields"] == {"account": "alice", "messages": 100, "password": "[redacted]"}
    assert (record.name, record.levelname, record.filename) == (name, "INFO", "test_logger.py")
    assert record.funcName == "test_caplog_hears_events_with_their_fields"
    assert SECRET not in str(vars(record))
    assert capsys.readouterr().err == ""


def test_exception_stays_on_the_record_unless_it_holds_a_secret(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    logger, harmless = create_logger(name), ValueError("harmless")
    logger.error("failed", exc_info=harmless)
    logger.error("failed", exc_info=ValueError(f"token={SECRET}"))
    first, second = caplog.records
    assert first.exc_info == (ValueError, harmless, None)
    assert second.exc_info is None
    assert second.exc_text == "ValueError: token=[redacted]"
    assert SECRET not in caplog.text


def test_extra_without_a_secret_stays_as_the_host_gave_it(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    create_logger(name)
    given = object()
    logging.getLogger(name).warning("event", extra={"given": given})
    assert vars(caplog.records[0])["given"] is given


def test_context_is_on_every_line_inside_the_block(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logger = printing(name)
    with log_context(account="alice", correlation_id="7"):
        with log_context(account="bob"):
            logger.info("inner", correlation_id="8")
        logger.info("outer")
    logger.info("outside")
    inner, outer, outside = lines(capsys)
    assert (inner["account"], inner["correlation_id"]) == ("bob", "8")
    assert (outer["account"], outer["correlation_id"]) == ("alice", "7")
    assert "account" not in outside


async def test_context_belongs_to_its_task_and_reaches_worker_threads(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = printing(name)

    async def work(account: str) -> None:
        with log_context(account=account):
            await asyncio.sleep(0)
            await asyncio.to_thread(logger.info, account)
            logging.getLogger(f"{name}.below").warning(account)

    await asyncio.gather(*(work(f"account {number}") for number in range(20)))
    records = lines(capsys)
    assert len(records) == 40
    assert all(line["account"] == line["event"] for line in records)


def test_block_may_be_left_in_another_context_than_it_was_entered() -> None:
    block = log_context(account="alice")
    contextvars.copy_context().run(block.__enter__)
    block.__exit__(None, None, None)
    assert structlog.contextvars.get_contextvars() == {}


def test_bound_fields_can_be_taken_back(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logger: Any = printing(name).bind(a=1, b=2)
    logger.unbind("a").info("without a")
    logger.try_unbind("b", "c").info("without b")
    logger.new(c=3).info("only c")
    with pytest.raises(KeyError):
        logger.unbind("c")
    own = {"timestamp", "level", "logger", "event"}
    shown = [{key: value for key, value in line.items() if key not in own} for line in lines(capsys)]
    assert shown == [{"b": 2}, {"a": 1}, {"c": 3}]
    assert structlog.get_context(logger) == {"a": 1, "b": 2}


def test_structlogs_own_loggers_fit(caplog: pytest.LogCaptureFixture) -> None:
    logger: Logger = structlog.stdlib.get_logger()
    with structlog.testing.capture_logs() as logs:
        logger.bind(a=1).info("happened", b=2)
    assert logs == [{"a": 1, "b": 2, "event": "happened", "log_level": "info"}]


def test_logger_does_not_show_what_is_bound_to_it(name: str) -> None:
    assert repr(create_logger(name).bind(token=SECRET)) == f"<BoundLogger {name}>"


@pytest.mark.parametrize("stream", [None, "closed"])
def test_a_lost_stderr_is_not_an_error(
    name: str, monkeypatch: pytest.MonkeyPatch, stream: str | None
) -> None:
    logger = printing(name)
    if stream is None:
        monkeypatch.setattr(sys, "stderr", None)
    else:
        monkeypatch.setattr(sys, "stderr", open(__file__, encoding="utf-8"))  # noqa: PTH123, SIM115 - closed below
        sys.stderr.close()
    logger.error("unheard")
    printing(name).error("unheard")


def test_handlers_are_first_in_line(name: str) -> None:
    logger = logging.getLogger(name)
    logger.addHandler(logging.NullHandler())
    create_logger(name)
    assert isinstance(logger.handlers[0], LineHandler)


HOST = """
    import logging, sys, structlog
    def host():
        logging.basicConfig(format="HOST %(levelname)s %(name)s: %(message)s", stream=sys.stdout, level="WARNING")
    def iacs():
        global logger
        from iacs.core.logger import create_logger
        logger = create_logger()
    {order}
    before = list(logging.root.handlers)
    logger.info("token refreshed", account="alice", access_token="s3same-0pen")
    logging.getLogger("iacs.below").warning("token=s3same-0pen")
    logging.getLogger("other").warning("other")
    assert logging.root.handlers == before and len(before) == 1
    assert logging.root.level == logging.WARNING
    assert not structlog.is_configured()
"""


@pytest.mark.parametrize("order", ["host(); iacs()", "iacs(); host()"])
def test_host_application_prints_each_line_once_in_its_own_format(order: str) -> None:
    done = run(HOST.format(order=order))
    assert done.stdout.splitlines() == [
        "HOST INFO iacs: token refreshed account='alice' access_token='[redacted]'",
        "HOST WARNING iacs.below: token=[redacted]",
        "HOST WARNING other: other",
    ]
    assert done.stderr == ""


def test_without_a_host_lines_go_to_stderr_and_root_stays_untouched() -> None:
    done = run(
        """
        import logging
        from iacs.core.logger import create_logger
        create_logger().info("alone")
        assert logging.root.handlers == [] and logging.root.level == logging.WARNING
        """
    )
    assert done.stdout == ""
    assert json.loads(done.stderr)["event"] == "alone"


@pytest.mark.parametrize(
    ("call", "level"),
    [
        ("log.exception('needle')", "error"),
        ("log.critical('needle')", "critical"),
        ("log.warn('needle')", "warning"),
        ("log.info('%s found', 'needle')", "info"),
        ("log.info('x', event='needle')", "info"),
    ],
)
def test_calls_that_logging_and_structlog_know_log_a_line(call: str, level: str) -> None:
    done = run(
        f"""
        from iacs.core.logger import create_logger
        log = create_logger(format="json")
        try:
            1 / 0
        except ZeroDivisionError:
            {call}
        """
    )
    line = json.loads(done.stderr)
    assert line["level"] == level
    assert "needle" in f"{line['event']} {line.get('event_')}"
    assert ("ZeroDivisionError" in line.get("exception", "")) is ("exception" in call)


@pytest.mark.parametrize(
    ("host", "printed"),
    [
        ("logging.config.dictConfig({'version': 1, 'root': {'level': 'INFO', 'handlers': []}})", 1),
        ("root.addHandler(logging.handlers.MemoryHandler(10)); root.handlers[0].setLevel('CRITICAL')", 1),
        ("root.addHandler(type('Exporter', (logging.Handler,), {'emit': lambda *_: None})())", 1),
        ("root.addHandler(logging.StreamHandler())", 1),
    ],
)
def test_error_is_printed_once_whatever_a_host_does_to_logging(host: str, printed: int) -> None:
    done = run(
        f"""
        import logging, logging.config, logging.handlers
        from iacs.core.logger import create_logger
        log, root = create_logger(format="json"), logging.getLogger()
        {host}
        log.error("needle")
        """
    )
    assert done.stderr.count("needle") == printed


EIGHT_PROCESSES = """
import os
from iacs.core.logger import create_logger

log = create_logger(format="json")
log.info("the imports are done")

def work(worker):
    for number in range(20):
        log.warning("long", worker=worker, number=number, text="é" * 20_000, many=["x" * 100] * 100)
        log.info("short", worker=worker, number=number)
        try:
            raise ValueError("z" * 40_000)
        except ValueError:
            log.exception("failed", worker=worker, number=number)

for worker in range(8):
    if os.fork() == 0:
        work(worker)
        os._exit(0)
for _ in range(8):
    os.wait()
"""


def test_lines_of_eight_processes_in_one_pipe_stay_whole_whatever_their_length() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", EIGHT_PROCESSES], stderr=subprocess.PIPE, bufsize=0
    ) as process:
        pipe = process.stderr
        assert pipe is not None
        text = b"".join(iter(lambda: pipe.read(1000), b""))  # slower than the writers
    lines = [json.loads(line) for line in text.decode().splitlines()]
    seen = Counter((line["event"], line.get("worker")) for line in lines)
    assert seen == {("the imports are done", None): 1} | {
        (event, worker): 20 for event in ("long", "short", "failed") for worker in range(8)
    }


def test_a_line_that_is_too_long_says_what_was_left_out(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ValueError("first " + "y" * 20_000 + " last")
    logger = printing(name, format="json")
    logger.error("e" * 30_000, many=["x" * 1000] * 100, short=1, exc_info=error)
    text = capsys.readouterr().err
    line = json.loads(text)
    assert len(text) < 30_000
    assert line["short"] == 1
    assert line["event"].endswith("e… (25904 more characters)")
    assert line["many"].startswith("['xxx")
    assert "more characters)" in line["many"]
    assert line["exception"].startswith("ValueError: first ")
    assert "more characters) …" in line["exception"]
    assert line["exception"].endswith(" last")


@pytest.mark.parametrize("stop", ["frozen", "gone"])
def test_a_process_that_stopped_with_the_lock_holds_up_nobody(tmp_path: Path, stop: str) -> None:
    """Freeze or kill a writer that holds the lock of the file."""
    log = tmp_path / "log"
    holder = "import fcntl, time; fcntl.lockf(2, fcntl.LOCK_EX); print(flush=True); time.sleep(60)"
    writer = "from iacs.core.logger import create_logger; create_logger(format='json').info('needle')"
    command = [sys.executable, "-c", holder]
    with log.open("ab") as file, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP if stop == "frozen" else signal.SIGKILL)
        subprocess.run([sys.executable, "-c", writer], stderr=file, check=True, timeout=60)
        process.kill()
    assert json.loads(log.read_text())["event"] == "needle"
