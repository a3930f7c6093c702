"""The settings as the command line shows them."""

import asyncio
import json
from pathlib import Path

import pytest

from iacs.core.config import Config
from iacs.core.encryption import Encryption
from tests.cli.conftest import Iacs


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "open-sesame")
    monkeypatch.setenv("DATABASE_URL", "postgresql://iacs:open-sesame@db.contoso.example/iacs")
    (tmp_path / ".env").write_text("MAIL_TOPIC=post\nAZURE_CLIENT_SECRET=shadowed\n")


@pytest.mark.usefixtures("settings")
def test_every_setting_is_shown_with_where_it_comes_from(iacs: Iacs) -> None:
    ran = iacs("config", "show", "--json")
    rows = {row["name"]: row for row in map(json.loads, ran.lines)}
    assert rows.keys() == {name.upper() for name in Config.model_fields}
    assert rows["MAIL_TOPIC"] == {"name": "MAIL_TOPIC", "value": "post", "source": ".env"}
    assert rows["AZURE_CLIENT_SECRET"]["source"] == "environment"
    assert rows["LOG_LEVEL"] == {"name": "LOG_LEVEL", "value": "INFO", "source": "default"}


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_secrets_are_masked(iacs: Iacs, options: list[str]) -> None:
    ran = iacs("config", "show", *options)
    assert ran.code == 0
    assert "sesame" not in ran.out + ran.err
    assert "shadowed" not in ran.out + ran.err
    assert "db.contoso.example" in ran.out


def test_a_setting_without_a_value_shows_as_missing(iacs: Iacs) -> None:
    line = next(line for line in iacs("config", "show").lines if line.startswith("OPENAI_API_KEY"))
    assert line.split() == ["OPENAI_API_KEY", "default", "-"]


def test_a_new_key_is_one_that_encrypts(iacs: Iacs, monkeypatch: pytest.MonkeyPatch) -> None:
    key = iacs("config", "new-key").out.strip()
    other = json.loads(iacs("config", "new-key", "--json").out)["key"]
    assert key != other
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEY", f"{key},{other}")
    encryption = Encryption(Config().token_encryption_key)
    written = asyncio.run(encryption.encrypt("token", context="a"))
    assert asyncio.run(encryption.decrypt(written, context="a")) == "token"


def test_a_misspelt_variable_is_noted_beside_the_data(iacs: Iacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_IDD", "abc")
    ran = iacs("config", "show", "--json")
    assert ran.code == 0
    assert ran.err == "there is no setting AZURE_CLIENT_IDD; did you mean AZURE_CLIENT_ID?\n"
