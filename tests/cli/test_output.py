"""What reaches a terminal, a pipe and a program."""

import io
import json
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from iacs.cli.output import instant, print_json
from iacs.cli.table import MISSING, Column, Table, print_table
from iacs.redaction import safe_for_terminal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


@given(st.text())
def test_escaped_text_holds_nothing_that_a_terminal_acts_on(text: str) -> None:
    shown = safe_for_terminal(text)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in shown)
    shown.encode("utf-8")


def test_letters_of_every_script_stay_as_they_are() -> None:
    text = "Grüße, 你好, שלום, 👋🏽 e\u0301"
    assert safe_for_terminal(text) == text


def test_a_right_to_left_override_is_shown_and_not_obeyed() -> None:
    assert safe_for_terminal("invoice\u202efdp.exe") == r"invoice\u202efdp.exe"


def test_markup_and_emoji_names_in_mail_are_only_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("subject",), [("[bold]sale[/bold] :smile: [link=http://x]y[/link]",)])
    assert "[bold]sale[/bold] :smile: [link=http://x]y[/link]" in capsys.readouterr().out


def test_in_a_pipe_a_long_cell_is_whole_and_plain(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(Column("from", 8, cut=True), Column("subject", cut=True))
    table.row("someone@contoso.example", "s" * 200)
    titles, row = capsys.readouterr().out.splitlines()
    assert titles.split() == ["from", "subject"]
    assert row == "someone@contoso.example  " + "s" * 200


def test_on_a_terminal_a_row_fits_and_a_cut_cell_says_so(terminal: Terminal) -> None:
    with redirect_stdout(terminal):
        Table(Column("from", 8, cut=True), Column("subject", cut=True)).row("someone@contoso.org", "s" * 200)
    row = terminal.getvalue().splitlines()[-1]
    assert len(row) == 80
    assert row.startswith("someone…  sss")
    assert row.endswith("…")


def test_wide_characters_are_counted_as_wide(terminal: Terminal) -> None:
    with redirect_stdout(terminal):
        Table(Column("from", 8, cut=True), Column("subject", cut=True)).row("日本語の差出人", "件" * 100)
    row = terminal.getvalue().splitlines()[-1]
    assert row.startswith("日本語 …  件")
    assert cell_len(row) == 80


def test_what_is_missing_is_a_dim_dash_on_a_terminal(terminal: Terminal) -> None:
    with redirect_stdout(terminal):
        Table(Column("from", 8), Column("subject")).row(None, "x")
    assert "\x1b[2m-" in terminal.getvalue()


def test_an_empty_text_is_not_shown_as_missing(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("from", "subject"), [("", "x")])
    assert MISSING not in capsys.readouterr().out


def test_numbers_are_aligned_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("who", "new"), [("a", "1650"), ("b", "7"), ("c", None)])
    assert capsys.readouterr().out.splitlines() == ["who   new", "a    1650", "b       7", "c       -"]


def test_a_column_is_as_wide_as_its_widest_cell(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a", "b"), [("longer", "x"), ("s", "y")])
    assert capsys.readouterr().out.splitlines() == ["a       b", "longer  x", "s       y"]


@given(st.dictionaries(st.text(), st.text(), max_size=3))
def test_json_is_one_line_that_reads_back(value: dict[str, str]) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    with redirect_stdout(stream):
        print_json(value)
    stream.seek(0)
    text = stream.read()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert safe_for_terminal(text[:-1]) == text[:-1]
    assert json.loads(text) == value


def test_json_keeps_letters_readable_where_utf8_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"subject": "Grüße\x9b31m"})
    assert capsys.readouterr().out == '{"subject": "Grüße\\u009b31m"}\n'


def test_json_is_ascii_where_utf8_is_not_written() -> None:
    written = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(written, encoding="latin-1", write_through=True)):
        print_json({"subject": "Grüße €"})
        assert json.loads(written.getvalue().decode("ascii")) == {"subject": "Grüße €"}


def test_json_instants_are_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"at": datetime(2026, 11, 23, 9, tzinfo=timezone(timedelta(hours=1)))})
    assert json.loads(capsys.readouterr().out) == {"at": "2026-11-23T08:00:00Z"}


def test_instants_are_shown_in_utc_to_the_minute() -> None:
    moment = datetime(2026, 11, 23, 9, 15, 59, tzinfo=timezone(timedelta(hours=1)))
    assert instant(moment) == "2026-11-23 08:15"
    assert instant(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01 00:00"
    assert instant(None) is None
