"""The description of events by command."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Iacs


@pytest.mark.slow  # installs the parser
def test_the_official_parser_accepts_the_asyncapi_document(
    iacs: Iacs, parse_asyncapi: Callable[[str], str]
) -> None:
    text = iacs("events", "schema", "--format", "asyncapi").out
    assert json.loads(parse_asyncapi(text)) == {"valid": True, "problems": []}
    broken = text.replace('"action": "send"', '"action": "shout"')
    assert not json.loads(parse_asyncapi(broken))["valid"]


def test_the_topics_are_those_of_the_settings(iacs: Iacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_TOPIC", "shop.mail")
    monkeypatch.setenv("AUDIT_TOPIC", "shop.audit")
    channels = json.loads(iacs("events", "schema", "--format", "asyncapi").out)["channels"]
    assert {name: channel["address"] for name, channel in channels.items()} == {
        "mailReceived": "shop.mail",
        "accountChanged": "iacs.account",
        "audit": "shop.audit",
        "deadLetter": "iacs.dead-letter",
    }


def test_the_schemas_name_every_field_as_it_is_published(iacs: Iacs) -> None:
    document = json.loads(iacs("events", "schema").out)
    names = [reference["$ref"].removeprefix("#/$defs/") for reference in document["oneOf"]]
    assert names == [
        "MailReceived",
        "AccountSignInRequired",
        "AccountRecovered",
        "AccountEnabled",
        "AccountDisabled",
        "AuditRecord",
        "DeadLetter",
    ]
    fields = document["$defs"]["MailReceived"]["properties"]
    assert fields.keys() >= {"type", "from", "subject", "received_at"}
    assert fields["type"]["const"] == "mail.received"


@pytest.mark.parametrize("format", ["json-schema", "asyncapi"])
def test_a_change_of_the_events_is_noticed(iacs: Iacs, tmp_path: Path, format: str) -> None:
    file = tmp_path / "events.json"
    text = iacs("events", "schema", "--format", format).out
    assert iacs("events", "schema", "--format", format).out == text
    file.write_text(text, encoding="utf-8")
    same = iacs("events", "schema", "--format", format, "--check", str(file))
    assert (same.code, same.out) == (0, "")
    file.write_text(text.replace("has_attachments", "attached"), encoding="utf-8")
    changed = iacs("events", "schema", "--format", format, "--check", str(file))
    assert changed.code == 1
    assert any(line.lstrip().startswith("+") and "has_attachments" in line for line in changed.lines)
    assert f"--format {format}" in changed.err


def test_the_description_in_the_documentation_is_up_to_date(iacs: Iacs) -> None:
    file = Path(__file__).parents[2] / "docs" / "events.asyncapi.json"
    checked = iacs("events", "schema", "--format", "asyncapi", "--check", str(file))
    assert (checked.code, checked.out) == (0, "")


def test_no_database_is_needed_or_made(iacs: Iacs, tmp_path: Path) -> None:
    assert iacs("events", "schema").code == 0
    assert not list(tmp_path.glob("*.db"))
