import string
from collections import UserDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretBytes, SecretStr

from iacs.redaction.names import REDACTED, is_secret_name
from iacs.redaction.text import LONGEST_TEXT
from iacs.redaction.values import MOST_VALUES, redact, redact_argument

SECRET = "s3same-0pen"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl-_c2lnbmF0dXJl"
FERNET = "gAAAAABl" + "k" * 92

names = st.sampled_from(
    ["account", "folder", "count", "subject", "token_type", "access_tokens_used", "state_id"]
)
secret_names = st.sampled_from(
    [
        "token",
        "access_token",
        "accessToken",
        "ACCESS-TOKEN",
        "client_secret",
        "Set-Cookie",
        "code",
        "API-KEY",
        "state",
    ]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(string.ascii_letters + string.digits + " äß漢.@/-", max_size=30).filter(
        lambda text: not is_secret_name(text) and "bearer" not in text.lower()
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


class Token(BaseModel):
    model_config = ConfigDict(extra="allow")
    account: str = "alice"
    access_token: Any = None
    other: Any = None
    hidden: str = Field(default=SECRET, repr=False)


@dataclass
class Credentials:
    password: Any = None
    other: Any = None
    hidden: str = field(default=SECRET, repr=False)


class Pair(NamedTuple):
    client_secret: Any = None
    other: Any = None


WRAPPINGS: list[Callable[[Any], Any]] = [
    lambda inner: [1, inner, "x"],
    lambda inner: (inner, 2),
    lambda inner: {"account": "alice", "inner": inner},
    lambda inner: UserDict(inner=inner),
    lambda inner: deque([inner]),
    lambda inner: {"values": {1: inner}.values()},
    lambda inner: Token(other=inner),
    lambda inner: Token.model_validate({"extra": inner}),
    lambda inner: Credentials(other=inner),
    lambda inner: Pair(other=inner),
]
SECRETS: list[Any] = [
    SecretStr(SECRET),
    SecretBytes(SECRET.encode()),
    JWT,
    FERNET,
    f"Bearer {SECRET}",
    f"postgresql://me:{SECRET}@db/mail",
    f"code={SECRET}&state={SECRET}",
    f"https://a.example/callback?code={SECRET}",
    f"grant_type=x&client_secret={SECRET}".encode(),
    {"token": SECRET},
    {"authorization": ["Basic", SECRET]},
    {b"cookie": SECRET.encode()},
    ("X-Api-Key", SECRET),
    [b"authorization", f"Basic {SECRET}".encode()],
    Token(access_token=SECRET),
    Token.model_validate({"refreshToken": SECRET}),
    Credentials(password=SECRET),
    Pair(client_secret=SECRET),
    ValueError(f"refresh_token={SECRET}"),
    {JWT: 1},
]


def holds_secret(shown: Any) -> bool:
    return any(secret in repr(shown) for secret in (SECRET, JWT, FERNET))


@given(values)
def test_value_without_a_secret_stays_as_it_is(value: Any) -> None:
    assert redact(value) == value
    assert redact_argument(value) is value


@given(
    wrappings=st.lists(st.sampled_from(WRAPPINGS), max_size=6),
    secret=st.sampled_from(SECRETS),
    beside=st.dictionaries(names, values, max_size=3),
)
def test_a_secret_is_redacted_wherever_it_occurs(
    wrappings: list[Callable[[Any], Any]], secret: Any, beside: dict[str, Any]
) -> None:
    value = secret
    for wrap in wrappings:
        value = wrap(value)
    shown = redact({**beside, "value": value})
    assert REDACTED in repr(shown)
    assert not holds_secret(shown)
    assert {name: shown[name] for name in beside} == beside


@given(secret_names, values.filter(lambda value: value not in (None, "", True, False)))
def test_whatever_stands_under_a_secret_name_is_hidden(name: str, value: Any) -> None:
    assert redact({name: value}) == {name: REDACTED}


def test_number_under_a_plural_is_a_count() -> None:
    assert redact({"tokens": 512, "cookies": 2}) == {"tokens": 512, "cookies": 2}
    assert redact({"pin": 4711, "tokens": ["a"]}) == {"pin": REDACTED, "tokens": REDACTED}


@pytest.mark.parametrize("absent", [None, "", True, False])
def test_absence_of_a_secret_is_shown(absent: object) -> None:
    assert redact({"token": absent, "pair": ("password", absent)}) == {
        "token": absent,
        "pair": ("password", absent),
    }


class Colour(Enum):
    RED = "red"


class Plan(StrEnum):
    FREE = "free"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (datetime(2026, 11, 23, tzinfo=UTC), "2026-11-23T00:00:00+00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("a/b"), "a/b"),
        (Decimal("1.50"), "1.50"),
        (Colour.RED, "red"),
        (Plan.FREE, "free"),
        (b"caf\xe9", "caf\\xe9"),
        (float("nan"), "nan"),
        (range(3), "range(0, 3)"),
        (Token, f"<class '{__name__}.Token'>"),
        (ValueError("no"), "ValueError: no"),
        (KeyError(), "KeyError"),
        ({(1, 2): 3, None: 4, 5: 6}, {"(1, 2)": 3, None: 4, 5: 6}),
        (frozenset({7}), [7]),
        (Colour, "<enum 'Colour'>"),
        ({1: 2}.items(), [(1, 2)]),
        (10**4000, hex(10**4000)),
        (Token(), {"account": "alice", "access_token": None, "other": None}),
        (Credentials(other=1), {"password": None, "other": 1}),
        (Pair(other=1), {"client_secret": None, "other": 1}),
    ],
)
def test_everything_is_shown_as_what_json_can_carry(value: object, shown: object) -> None:
    assert redact(value) == shown


def test_cycle_ends() -> None:
    items: list[Any] = [1]
    items.append({"again": items})
    assert redact(items) == [1, {"again": "[cycle]"}]


def test_the_same_value_twice_is_not_a_cycle() -> None:
    shared = {"a": 1}
    assert redact([shared, shared]) == [shared, shared]


def test_depth_is_bounded() -> None:
    value: Any = SECRET
    for _ in range(10_000):
        value = [value]
    assert "[cut]" in repr(redact(value))


@pytest.mark.parametrize("many", [range(MOST_VALUES * 100), dict.fromkeys(range(MOST_VALUES * 2))])
def test_number_of_values_is_bounded(many: Any) -> None:
    shown = redact(list(many) if isinstance(many, range) else many)
    assert len(shown) <= MOST_VALUES
    assert "[cut]" in repr(shown)[-20:]


def test_many_lists_together_are_bounded() -> None:
    shown = redact([[0] * 100 for _ in range(MOST_VALUES)])
    assert sum(map(len, shown)) < 2 * MOST_VALUES


def test_long_text_is_cut() -> None:
    shown = redact("x" * LONGEST_TEXT + f"token={SECRET}")
    assert shown == f"{'x' * LONGEST_TEXT}… (17 more characters)"
    assert len(redact(b"x" * LONGEST_TEXT * 10)) <= LONGEST_TEXT


class Rude:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


def test_iterator_is_not_used_up() -> None:
    iterator = iter([1])
    redact(iterator)
    assert list(iterator) == [1]


def test_a_value_that_cannot_be_shown_is_not_an_error() -> None:
    assert redact([Rude(), 1]) == ["[Rude that cannot be shown]", 1]


def test_argument_with_a_secret_is_replaced_and_another_is_kept() -> None:
    safe = Credentials(other=[1])
    assert redact_argument(safe) is safe
    assert redact_argument(Credentials(password=SECRET)) == {"password": REDACTED, "other": None}
