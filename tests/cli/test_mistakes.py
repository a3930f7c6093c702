"""What people get wrong: one sentence that names it and says what to do, and never a traceback."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.cli.conftest import Iacs, Ran

SECRET = "this-is-the-password"


def said(ran: Ran, code: int = 1) -> str:
    """Return the sentence, after looking that it is one and alone."""
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert ran.err.startswith("iacs: ")
    assert ran.err.count("\n") == 1
    return ran.err


def enrol(folder: Path, text: str, name: str = "alice.yaml") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def enrolled(iacs: Iacs, tmp_path: Path) -> None:
    enrol(tmp_path / "enrollment", "account: alice@contoso.example\n")
    assert iacs("account", "sync").code == 0


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def client_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "11111111-2222-4333-8444-555555555555")
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEY", Fernet.generate_key().decode())


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["mail", "qurey"], "qurey"),
        (["mail", "query"], "EMAIL"),
        (["mail"], "iacs mail --help"),
        (["mail", "query", "a@b.example", "--form", "x"], "--form"),
        (["mail", "query", "a@b.example", "--since", "yesterday"], "2026-11-23"),
        (["mail", "query", "a@b.example", "--limit", "0"], "--limit"),
        (["events", "tail", "--limit", "many"], "--limit"),
        (["sandbox", "--mailbox", "alice@contoso.example"], "EMAIL=PATH"),
        (["sandbox", "--port", "99999"], "--port"),
    ],
)
def test_a_misuse_names_what_is_wrong_and_leads_to_the_help(iacs: Iacs, args: list[str], named: str) -> None:
    sentence = said(iacs(*args), code=2)
    assert named in sentence
    assert "--help" in sentence


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["acount"], "No such command 'acount'; did you mean 'account' or 'auth'? See: iacs --help"),
        (
            ["mail", "query", "a@b.example", "--unred"],
            "No such option: --unred; did you mean --read or --unread? See: iacs mail query --help",
        ),
        (
            ["events", "tail", "--limit", "many"],
            "Invalid value for '--limit': must be a whole number; see: iacs events tail --help",
        ),
        (
            ["sandbox", "--port", "70000"],
            "Invalid value for '--port': must be at most 65535; see: iacs sandbox --help",
        ),
    ],
)
def test_a_misuse_is_reported_in_the_words_of_every_other_error(
    iacs: Iacs, args: list[str], sentence: str
) -> None:
    assert said(iacs(*args), code=2) == f"iacs: {sentence}\n"


def test_a_malformed_line_in_env_is_reported_once(iacs: Iacs, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("{}: no setting\n", encoding="utf-8")
    assert said(iacs("config", "show")) == "iacs: .env, line 1: write NAME=value, with both quotes or none\n"


def test_every_malformed_setting_is_named_at_once(iacs: Iacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.setenv("GRAPH_URL", "http://graph.contoso.example")
    monkeypatch.setenv("DATABASE_URL", f"nonsense:{SECRET}")
    for command in (["config", "show"], ["init-db"], ["account", "list"]):
        sentence = said(iacs(*command))
        assert all(name in sentence for name in ("LOG_LEVEL", "GRAPH_URL", "DATABASE_URL"))
        assert SECRET not in sentence


def test_a_database_that_cannot_be_opened_is_named(iacs: Iacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/at/all/iacs.db")
    assert "/nowhere/at/all" in said(iacs("init-db"))


@pytest.mark.usefixtures("client_settings")
@pytest.mark.parametrize(
    "command",
    [["account", "list"], ["mail", "query", "a@b.example"], ["events", "tail"], ["events", "relay"]],
    ids=" ".join,
)
def test_a_command_that_reads_creates_no_database(iacs: Iacs, tmp_path: Path, command: list[str]) -> None:
    sentence = said(iacs(*command))
    assert str(tmp_path / "iacs.db") in sentence
    assert "DATABASE_URL" in sentence
    assert sentence.endswith("create it with: iacs init-db, or change to the folder that has one\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("client_settings")
def test_health_without_a_database_is_down_and_creates_none(iacs: Iacs, tmp_path: Path) -> None:
    ran = iacs("health")
    assert ran.code == 1
    assert str(tmp_path / "iacs.db") in ran.out
    assert not list(tmp_path.iterdir())


def test_an_enrollment_directory_that_is_not_there_is_named(iacs: Iacs) -> None:
    assert "nowhere" in said(iacs("account", "sync", "nowhere"))


def test_an_enrolment_file_in_lieu_of_its_folder_is_named_with_the_folder(iacs: Iacs, tmp_path: Path) -> None:
    enrol(tmp_path / "people", "account: alice@contoso.example\n")
    assert said(iacs("account", "sync", "people/alice.yaml")).endswith("; name its folder: people\n")


def test_a_wrong_key_in_an_enrolment_is_named_with_its_file(iacs: Iacs, tmp_path: Path) -> None:
    enrol(tmp_path / "people", "acount: alice@contoso.example\n")
    sentence = said(iacs("account", "sync", "people"))
    assert "alice.yaml" in sentence
    assert "acount" in sentence


@pytest.mark.usefixtures("enrolled", "client_settings")
@pytest.mark.parametrize(
    "command", [["mail", "query"], ["auth", "login", "--no-browser"], ["auth", "logout"]]
)
def test_an_account_that_nobody_enrolled_is_named_and_how_to_enrol_it(iacs: Iacs, command: list[str]) -> None:
    sentence = said(iacs(*command, "bob@contoso.example"))
    assert "bob@contoso.example" in sentence
    assert "iacs account add bob@contoso.example" in sentence


@pytest.mark.usefixtures("enrolled")
def test_signing_in_names_every_setting_that_it_lacks(iacs: Iacs) -> None:
    sentence = said(iacs("auth", "login", "alice@contoso.example"))
    assert "AZURE_CLIENT_ID" in sentence
    assert "TOKEN_ENCRYPTION_KEY" in sentence


@pytest.mark.usefixtures("enrolled", "client_settings")
def test_mail_of_somebody_who_is_not_signed_in_says_how_to_sign_in(iacs: Iacs) -> None:
    assert "iacs auth login alice@contoso.example" in said(iacs("mail", "query", "alice@contoso.example"))


@pytest.mark.usefixtures("client_settings")
def test_a_sync_with_nobody_signed_in_says_how_to_begin(iacs: Iacs) -> None:
    assert "iacs auth login" in said(iacs("mail", "sync"))


@pytest.mark.usefixtures("enrolled", "client_settings")
def test_a_search_beside_conditions_is_refused_before_anything_is_asked(iacs: Iacs) -> None:
    ran = iacs("mail", "query", "alice@contoso.example", "--search", "x", "--from", "y@z.example")
    assert "search" in said(ran)


@pytest.mark.usefixtures("enrolled", "client_settings")
def test_a_cloud_that_does_not_answer_is_named(iacs: Iacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "http://127.0.0.1:9")
    assert "127.0.0.1:9" in said(iacs("auth", "login", "alice@contoso.example"))


def test_a_broker_that_does_not_answer_is_named(iacs: Iacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setenv("KAFKA_TIMEOUT", "1")
    assert "(127.0.0.1:9): Connection refused; check" in said(iacs("events", "tail"))


def test_mail_that_is_not_there_is_named(iacs: Iacs) -> None:
    assert "nowhere.mbox" in said(iacs("sandbox", "--mailbox", "alice@contoso.example=nowhere.mbox"))


def test_a_port_in_use_is_named_and_how_to_choose_another(iacs: Iacs, taken_port: int) -> None:
    sentence = said(iacs("sandbox", "--port", str(taken_port)))
    assert str(taken_port) in sentence
    assert "--port" in sentence


def test_a_value_that_an_option_does_not_have_is_named_with_those_that_it_has(iacs: Iacs) -> None:
    sentence = "Invalid value for '--format': 'svg' is not one of 'tree', 'mermaid', 'dot', 'json', 'html'"
    assert said(iacs("graph", "--format", "svg"), code=2) == f"iacs: {sentence}; see: iacs graph --help\n"
