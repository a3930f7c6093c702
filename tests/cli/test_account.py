"""Enrolling by command."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Iacs


@pytest.fixture
def people(tmp_path: Path) -> Path:
    folder = tmp_path / "enrollment"
    folder.mkdir()
    (folder / "alice.yaml").write_text("account: alice@contoso.example\nname: Alice [bold]Archer\n")
    (folder / "bob.yaml").write_text("account: bob@contoso.example\n")
    return folder


def test_what_a_sync_changed_is_listed_by_account(iacs: Iacs, people: Path) -> None:
    first = iacs("account", "sync", str(people))
    assert first.lines == ["added       alice@contoso.example", "added       bob@contoso.example"]
    (people / "bob.yaml").unlink()
    second = iacs("account", "sync")
    assert second.lines == ["unchanged   alice@contoso.example", "left alone  bob@contoso.example"]
    planned = iacs("account", "sync", "--prune", "--dry-run")
    third = iacs("account", "sync", "--prune")
    assert third.lines == ["disabled    bob@contoso.example", "unchanged   alice@contoso.example"]
    assert (planned.lines, "nothing was changed" in planned.err) == (third.lines, True)
    assert {ran.code for ran in (first, second, planned, third)} == {0}


def test_pruning_more_than_half_of_the_accounts_needs_a_yes(iacs: Iacs, people: Path, tmp_path: Path) -> None:
    iacs("account", "sync")
    other = tmp_path / "other"
    other.mkdir()
    (other / "dora.yaml").write_text("account: dora@contoso.example\n")
    refused = iacs("account", "sync", str(other), "--prune")
    assert (refused.code, refused.out) == (2, "")
    assert "--prune would disable 2 accounts, more than half of all" in refused.err
    assert "--yes" in refused.err
    assert "dora" not in iacs("account", "list").out
    assert iacs("account", "sync", str(other), "--prune", "--yes").code == 0
    listed = [json.loads(line) for line in iacs("account", "list", "--json").lines]
    assert [account["status"] for account in listed] == ["disabled", "disabled", "enrolled"]


def test_an_account_is_added_disabled_and_enabled(iacs: Iacs) -> None:
    added = iacs("account", "add", "Carol@contoso.example", "--name", "Carol", "--tenant", "contoso.example")
    assert (added.code, added.lines) == (0, ["carol@contoso.example is enrolled"])
    assert iacs("account", "disable", "carol@contoso.example").lines == ["carol@contoso.example is disabled"]
    again = iacs("account", "add", "carol@contoso.example")
    assert again.code == 1
    assert "iacs account enable carol@contoso.example" in again.err
    enabled = iacs("account", "enable", "carol@contoso.example", "--json")
    assert json.loads(enabled.out)["status"] == "enrolled"


def test_an_account_is_relinked_with_another_sign_in_name(iacs: Iacs) -> None:
    iacs("account", "add", "carol@contoso.example", "--username", "C1@corp.contoso.example")
    relinked = iacs(
        "account", "relink", "carol@contoso.example", "--username", "c2@corp.contoso.example", "--json"
    )
    account = json.loads(relinked.out)
    assert (account["username"], account["status"]) == ("c2@corp.contoso.example", "enrolled")
    assert "iacs auth login carol@contoso.example" in iacs("account", "relink", "carol@contoso.example").out
    assert (
        "iacs account add nobody@contoso.example" in iacs("account", "relink", "nobody@contoso.example").err
    )


def test_a_sync_as_json_is_one_object(iacs: Iacs, people: Path) -> None:
    ran = iacs("account", "sync", "--json", str(people))
    assert json.loads(ran.out)["added"] == ["alice@contoso.example", "bob@contoso.example"]
    assert ran.err == ""


@pytest.mark.usefixtures("people")
def test_accounts_are_listed_with_their_status(iacs: Iacs) -> None:
    iacs("account", "sync")
    assert iacs("account", "list").lines == [
        "account                status    access     name",
        "alice@contoso.example  enrolled  delegated  Alice [bold]Archer",
        "bob@contoso.example    enrolled  delegated  -",
    ]


@pytest.mark.usefixtures("people")
def test_accounts_as_json_are_one_object_a_line(iacs: Iacs) -> None:
    iacs("account", "sync")
    accounts = [json.loads(line) for line in iacs("account", "list", "--json").lines]
    assert [account["email"] for account in accounts] == ["alice@contoso.example", "bob@contoso.example"]
    assert accounts[0]["status"] == "enrolled"


def test_without_an_account_the_list_says_how_to_enrol_one(iacs: Iacs) -> None:
    iacs("init-db")
    ran = iacs("account", "list")
    assert (ran.code, ran.out) == (0, "")
    assert "iacs account sync" in ran.err
