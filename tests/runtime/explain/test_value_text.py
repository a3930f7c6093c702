from datetime import timedelta
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from iacs.core._settings.sources import is_secret_field
from iacs.core.config import Config
from iacs.redaction import REDACTED, is_secret_name
from iacs.runtime.explain.value_text import shown


class Level(Enum):
    HIGH = "hunter2"


class Holder:
    def __repr__(self) -> str:
        raise AssertionError("may hold anything")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "password",
            "db.password",
            "CLIENT_SECRET_2",
            "apiKey",
            "x-api-key",
            "token_encryption_key",
            "tokens",
        ),
        *("smtp.auth", "APIKey", "private_key", "dsn", "Passwd", "credentials", "pool['password']", "jwt"),
    ],
)
def test_a_name_that_announces_a_secret_is_known(name: str) -> None:
    assert is_secret_name(name)
    assert shown(name, "anything") == REDACTED
    assert shown(name.removesuffix("s"), 1234) == REDACTED
    assert shown(name, ["anything"]) == REDACTED


@pytest.mark.parametrize(
    "name", ["monkey", "tokenizer", "author", "keyboard", "azure_client_id", "mapping", "url"]
)
def test_a_name_that_announces_none_is_left_alone(name: str) -> None:
    assert not is_secret_name(name)
    assert shown(name, "plain") == "plain"


def test_every_secret_of_this_project_s_settings_is_masked_by_type_or_name() -> None:
    secrets = {name for name, field in Config.model_fields.items() if is_secret_field(field)}
    assert secrets
    for name in secrets:
        assert shown(name, SecretStr("hunter2")) == REDACTED


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("postgresql://me:hunter2@db/x", f"postgresql://me:{REDACTED}@db/x"),
        ("amqp://:hunter2@mq", f"amqp://:{REDACTED}@mq"),
        ("https://x/?sig=hunter2&a=1", f"https://x/?sig={REDACTED}&a=1"),
        ("Server=x;Password=hunter2;Db=y", f"Server=x;Password={REDACTED};Db=y"),
        ("Authorization: Bearer hunter2hunter2", f"Authorization: {REDACTED}"),
        ("eyJhbGciOi.JSUzI1NiIsInR5cCI6IkpXVCJ9.hunter2", REDACTED),
        ("https://login.example:8443/a@b", "https://login.example:8443/a@b"),
    ],
)
def test_secrets_inside_a_text_are_recognised_by_their_shape(text: str, without: str) -> None:
    assert shown("value", text) == without


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not set"),
        ("", "empty"),
        ((), "empty"),
        (True, "True"),
        (2.5, "2.5"),
        (Path("a/b"), "a/b"),
        (timedelta(seconds=5), "0:00:05"),
        (Level.HIGH, "HIGH"),
        (("a", 1), "[a, 1]"),
        ({"b", "a"}, "[a, b]"),
        ({"a": 1, "password": "hunter2"}, f"{{a: 1, password: {REDACTED}}}"),
        (Holder(), "<Holder>"),
        (Holder, "tests.runtime.explain.test_value_text:Holder"),
        ([[[[[["deep"]]]]]], "[[[[…]]]]"),
    ],
)
def test_values_are_shown_as_people_read_them(value: object, text: str) -> None:
    assert shown("value", value) == text


def test_a_long_value_is_cut() -> None:
    assert len(shown("value", "x" * 10_000)) == 201
    assert len(shown("value", list(range(10_000)))) <= 201


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(JSON)
def test_what_hides_itself_is_never_shown_however_deep(around: object) -> None:
    value = [around, {"x": SecretStr("correct-horse"), "y": [SecretStr("correct-horse")]}, around]
    assert "correct-horse" not in shown("value", value)
