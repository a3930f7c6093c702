"""Changing the key of stored tokens by command."""

import json
from pathlib import Path

import pytest

from iacs.core.encryption import Encryption
from tests.cli.conftest import Iacs


def test_the_rotation_says_how_many_accounts_it_was_for(iacs: Iacs) -> None:
    iacs("init-db")
    ran = iacs("tokens", "rotate-key")
    assert (ran.code, ran.out) == (0, "the data keys of 0 accounts are encrypted with the current key\n")
    assert json.loads(iacs("tokens", "rotate-key", "--json").out) == {"rotated": 0, "problems": {}}


def test_a_rotation_is_recorded_for_audits(iacs: Iacs) -> None:
    iacs("init-db")
    iacs("tokens", "rotate-key")
    values = [
        json.loads(line)["value"] for line in iacs("events", "tail", "--topic", "iacs.audit", "--json").lines
    ]
    assert {value["action"] for value in values} == {"key_rotation_started", "key_rotation_ended"}
    assert len({value["operation_id"] for value in values}) == 1


def test_without_a_key_the_rotation_says_which_setting_is_missing(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    iacs("init-db")
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEY", Encryption.new_key()[:-2])
    ran = iacs("tokens", "rotate-key")
    assert ran.code == 1
    assert "TOKEN_ENCRYPTION_KEY" in ran.err


def test_a_key_file_takes_the_place_of_the_setting(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "keys"
    path.write_text(Encryption.new_key())
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEY", "")
    monkeypatch.setenv("TOKEN_KEY_PROVIDER", f"file:{path}")
    ran = iacs("health", "--json")
    assert "TOKEN_ENCRYPTION_KEY" not in ran.out + ran.err
    path.unlink()
    ran = iacs("health", "--json")
    assert f"the key file {path} cannot be read: No such file or directory" in ran.out
