import datetime as dt
import json
import math
from collections import OrderedDict
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, SecretStr, field_serializer
from pydantic.alias_generators import to_camel

from iacs.core._events.encoded_event import check_text
from iacs.core._events.encoding import MAX_DEPTH, decode, encode
from iacs.core.exceptions import EventEncodingError

text = st.text(st.characters(codec="utf-8"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner) | st.dictionaries(text, inner),
    max_leaves=20,
)


class Colour(Enum):
    RED = "red"
    PAIR = ("a", 1)


class Level(IntEnum):
    HIGH = 3


class Kind(StrEnum):
    MAIL = "mail"


class Person(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    full_name: str = ""
    photo: bytes = b""
    password: SecretStr | None = None
    extra: Any = None


class Letter(BaseModel):
    sender: Person = Field(default_factory=Person)
    sent: dt.datetime | None = None


class Hidden(BaseModel):
    password: SecretStr = Field(exclude=True)
    number: int = 1


class Failing(BaseModel):
    number: int = 1

    @field_serializer("number", when_used="json")
    def refuse(self, value: int) -> int:
        raise ValueError(f"{value} is odd")


@given(json_values)
def test_what_is_written_is_read_back_the_same(value: Any) -> None:
    again = decode(encode(value))
    assert again == value
    assert json.dumps(again) == json.dumps(value)  # 1 is not 1.0, nor True


@given(st.datetimes(timezones=st.timezones()))
def test_an_instant_is_written_with_its_offset(value: dt.datetime) -> None:
    again = decode(encode(value))
    assert again.endswith("Z") or again[-6] in "+-" or again[-9] in "+-"
    assert dt.datetime.fromisoformat(again) == dt.datetime.fromisoformat(value.isoformat())


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Grüße 😀", '"Grüße 😀"'),
        (dt.datetime(2026, 11, 23, 8, 15, 30, tzinfo=dt.UTC), '"2026-11-23T08:15:30Z"'),
        (
            dt.datetime(2026, 11, 23, 8, 15, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            '"2026-11-23T08:15:00+02:00"',
        ),
        (dt.date(2026, 11, 23), '"2026-11-23"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Decimal("1.10"), '"1.10"'),
        (Colour.RED, '"red"'),
        (Colour.PAIR, '["a",1]'),
        (Level.HIGH, "3"),
        (Kind.MAIL, '"mail"'),
        ({Kind.MAIL: 1}, '{"mail":1}'),
        ((1, 2), "[1,2]"),
        (OrderedDict(a=1), '{"a":1}'),
        (True, "true"),
        (RootModel[list[int]]([1, 2]), "[1,2]"),
        (Hidden(password=SecretStr("hunter2")), '{"number":1}'),
        (
            [Person(full_name="A", photo=b"text")],
            '[{"fullName":"A","photo":"text","password":null,"extra":null}]',
        ),
        (
            Letter(sent=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)).model_copy(update={"sender": None}),
            '{"sender":null,"sent":"2026-01-01T00:00:00Z"}',
        ),
    ],
)
def test_types_beside_jsons_own_are_written_plainly(value: object, written: str) -> None:
    assert encode(value) == written


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        (b"", "value", "bytes cannot be written"),
        ({"sender": {"photo": b""}}, "value.sender.photo", "bytes cannot be written"),
        ([[1, {2, 3}]], "value[0][1]", "set cannot be written"),
        ({"a": object()}, "value.a", "object cannot be written"),
        ({"a": {1: 2}}, "value.a", "has the key 1"),
        ({"a": [math.nan]}, "value.a[0]", "nan is not a number"),
        (-math.inf, "value", "-inf is not a number"),
        (Decimal("NaN"), "value", "NaN is not a number"),
        (10**4000, "value", "3,000 digits"),
        ({"a": "half \ud800"}, "value.a", "surrogate"),
        ({"half \ud800": 1}, "value", "surrogate"),
        ({"at": dt.datetime(2026, 1, 1)}, "value.at", "without an offset"),  # noqa: DTZ001
        (dt.time(1, 2), "value", "time cannot be written"),
        ({"token": SecretStr("hunter2")}, "value.token", "secret"),
        (Letter(sender=Person(password=SecretStr("hunter2"))), "value.sender.password", "secret"),
        (Letter(sender=Person(extra=[{SecretStr("hunter2")}])), "value.sender.extra[0][0]", "secret"),
        (Letter(sender=Person(photo=b"\xff")), "value.sender.photo", "bytes cannot be written"),
        (Letter(sender=Person(extra=object())), "value.sender.extra", "object cannot be written"),
        (Person(extra={Decimal("Infinity")}), "value.extra[0]", "Infinity is not a number"),
        (Person(extra=math.nan), "value.extra", "nan is not a number"),
        (Failing(number=3), "value", "3 is odd"),
    ],
)
def test_what_json_cannot_carry_is_refused_by_its_path(value: object, field: str, reason: str) -> None:
    with pytest.raises(EventEncodingError) as caught:
        encode(value)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")
    assert reason in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        ({"a": [{"b": {2: 1}}]}, "value.a[0].b", "has the key 2"),
        (
            {"a": [1, 10**3500]},
            "value.a[1]",
            "3,000 digits",
        ),  # the encoder itself refuses from 4300 digits on
        ({"a": ("x", {"b": "half \ud800"})}, "value.a[1].b", "surrogate"),
        ({"a": [True, math.nan]}, "value.a[1]", "nan is not a number"),
        ({"a": [dt.datetime(2026, 1, 1)]}, "value.a[0]", "without an offset"),  # noqa: DTZ001
    ],
)
def test_what_the_standard_encoder_would_write_is_refused_all_the_same(
    value: object, field: str, reason: str
) -> None:
    with pytest.raises(EventEncodingError, match=reason) as caught:
        encode(value)
    assert caught.value.field == field


@given(json_values)
def test_both_ways_to_encode_write_the_same(value: Any) -> None:
    class OtherList(list[Any]):
        """Not a standard type: it takes the slower way."""

    assert encode(OtherList([value])) == encode([value])


def test_a_list_that_contains_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(EventEncodingError, match="contains itself") as caught:
        encode(endless)
    assert len(caught.value.field) < 100


def test_a_model_that_contains_itself_is_refused() -> None:
    person = Person()
    person.extra = person
    with pytest.raises(EventEncodingError):
        encode(person)


def test_what_is_written_as_deep_as_allowed_can_be_read() -> None:
    value: object = 1
    for _ in range(MAX_DEPTH):
        value = [value]
    assert decode(encode(value)) == value
    with pytest.raises(EventEncodingError, match="levels deep"):
        encode([value])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b"[NaN]",
        b"Infinity",
        b"-1e999",
        b"1 2",
        b"'a'",
        "\ufeff{}",
        b"[" * 100_000,
        b"1" * 5000,
    ],
)
def test_what_is_not_json_is_a_value_error(data: bytes | str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(data)


@given(st.binary() | st.text())
def test_reading_anything_gives_a_value_or_a_value_error(data: bytes | str) -> None:
    try:
        decode(data)
    except ValueError:
        return


@pytest.mark.parametrize("value", ["", "grün"])
def test_text_is_accepted(value: str) -> None:
    check_text(value, field="key")


@pytest.mark.parametrize("value", ["\ud800", "\0", b"", 1, None])
def test_what_a_column_cannot_hold_is_refused_by_its_field(value: Any) -> None:
    with pytest.raises(EventEncodingError, match="key") as caught:
        check_text(value, field="key")
    assert caught.value.field == "key"
