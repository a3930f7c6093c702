"""The filter language, against Graph's documentation and against Python itself."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iacs.sandbox.odata import FilterError, matches, parse_filter

in_any_time = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
ROW: dict[str, Any] = {
    "subject": "Let's meet",
    "isRead": False,
    "hasAttachments": True,
    "importance": "high",
    "from": {"emailAddress": {"name": "Bob", "address": "bob@contoso.example"}},
    "sender": None,
    "receivedDateTime": "2026-09-01T07:58:12Z",
    "sentDateTime": None,
    "categories": ["red", "blue"],
    "toRecipients": [{"emailAddress": {"name": None, "address": "alice@contoso.example"}}],
}


def holds(text: str) -> bool:
    return matches(parse_filter(text).expression, ROW)


@pytest.mark.parametrize(
    "text",
    [
        "isRead eq false",
        "not isRead",
        "hasAttachments",
        "isRead ne true and hasAttachments eq true",
        "isRead eq true or importance eq 'high'",
        "isRead eq true and isRead eq true or hasAttachments eq true",
        "not (isRead eq true and hasAttachments eq true)",
        "subject eq 'Let''s meet'",
        "contains(subject, 'meet')",
        "contains(subject,'S MEET')",
        "startswith(subject,'Let')",
        "from/emailAddress/address eq 'bob@contoso.example'",
        "from/emailAddress/address eq 'BOB@contoso.example'",
        "receivedDateTime ge 2026-09-01T07:58:12Z",
        "receivedDateTime le 2026-09-01T09:58:12+02:00",
        "receivedDateTime gt 2026-09-01T07:58:11.9999999Z",
        "receivedDateTime ge 2026-09-01",
        "receivedDateTime lt 2026-09-02 and receivedDateTime ge 2026-09-01",
        "categories/any(c: c eq 'blue')",
        "toRecipients/any(r:r/emailAddress/address eq 'alice@contoso.example')",
        "  isRead   eq\tfalse ",
    ],
)  # fmt: skip
def test_filter_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sentDateTime eq null", True),
        ("sentDateTime ne null", False),
        ("subject ne null", True),
        ("null eq null", True),
        ("sentDateTime ge 1900-01-01T00:00:00Z", False),
        ("not (sentDateTime ge 1900-01-01T00:00:00Z)", True),
        ("sender/emailAddress/address ne 'x@y.example'", True),
        ("contains(sender/emailAddress/address,'x')", False),
        ("not contains(sender/emailAddress/address,'x')", False),
        ("contains(sender/emailAddress/address,'x') or isRead eq false", True),
        ("contains(sender/emailAddress/address,'x') and isRead eq false", False),
    ],
)
def test_null_is_a_value_for_equality_and_unknown_elsewhere(text: str, expected: bool) -> None:
    assert holds(text) is expected


@pytest.mark.parametrize(
    "text",
    ["", "isRead eq", "isRead = false", "(isRead eq false", "isRead eq false)", "and", "subject eq \"x\"", "subject eq 'x",
     "endswith(subject,'x')", "tolower(subject) eq 'x'", "contains(subject)", "isRead eq false isRead", "subject eq Let\\'s",
     "receivedDateTime ge '2026-09-01'", "subject gt 5", "subject", "receivedDateTime ge 2026-13-01T00:00:00Z",
     "contains(isRead,'x')", "(" * 1000 + "isRead" + ")" * 1000, "not " * 1000 + "isRead", "isRead" + " and isRead" * 5000, "from//address eq 'x'"],
)  # fmt: skip
def test_a_malformed_filter_is_rejected(text: str) -> None:
    with pytest.raises(FilterError):
        holds(text)


def test_properties_are_listed_in_the_order_of_their_appearance() -> None:
    parsed = parse_filter(
        "importance eq 'high' and (isRead eq false or contains(subject,'x')) and isRead ne true"
    )
    assert [path.segments for path in parsed.properties] == [("importance",), ("isRead",), ("subject",)]


@in_any_time
@given(st.text())
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    with suppress(FilterError):
        holds(text)


@in_any_time
@given(st.text(), st.text())
def test_quoted_strings_compare_as_they_are(own: str, wanted: str) -> None:
    literal = wanted.replace("'", "''")
    row = {"subject": own}
    matched = matches(parse_filter(f"subject eq '{literal}'").expression, row)
    assert matched is (own.casefold() == wanted.casefold())
    assert matches(parse_filter(f"contains(subject,'{literal}')").expression, row) is (
        wanted.casefold() in own.casefold()
    )


instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda instant: instant.replace(microsecond=0)
)


@in_any_time
@given(instants, instants, st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"]))
def test_instants_compare_like_instants(own: datetime, wanted: datetime, operator: str) -> None:
    row = {"receivedDateTime": own.isoformat().replace("+00:00", "Z")}
    text = f"receivedDateTime {operator} {wanted.isoformat().replace('+00:00', 'Z')}"
    expected = {
        "eq": own == wanted, "ne": own != wanted, "gt": own > wanted,
        "ge": own >= wanted, "lt": own < wanted, "le": own <= wanted,
    }  # fmt: skip
    assert matches(parse_filter(text).expression, row) is expected[operator]


@st.composite
def boolean_expressions(draw: st.DrawFn) -> tuple[str, bool]:
    """Draw an expression over a=true, b=false with its value by Python's own rules."""
    leaf = st.sampled_from([("a", True), ("b", False), ("a eq true", True), ("b eq true", False)])

    def wider(inner: st.SearchStrategy[tuple[str, bool]]) -> st.SearchStrategy[tuple[str, bool]]:
        pair = st.tuples(inner, inner)
        return st.one_of(
            inner.map(lambda one: (f"not ({one[0]})", not one[1])),
            pair.map(lambda two: (f"({two[0][0]}) and ({two[1][0]})", two[0][1] and two[1][1])),
            pair.map(lambda two: (f"({two[0][0]}) or ({two[1][0]})", two[0][1] or two[1][1])),
        )

    return draw(st.recursive(leaf, wider, max_leaves=10))


@in_any_time
@given(boolean_expressions())
def test_logic_agrees_with_python(case: tuple[str, bool]) -> None:
    text, expected = case
    assert matches(parse_filter(text).expression, {"a": True, "b": False}) is expected


@in_any_time
@given(st.lists(st.booleans(), min_size=2, max_size=6), st.data())
def test_and_binds_tighter_than_or(values: list[bool], data: st.DataObject) -> None:
    joints = [data.draw(st.sampled_from(["and", "or"])) for _ in values[1:]]
    words = [str(values[0]).lower()]
    for joint, value in zip(joints, values[1:], strict=True):
        words += [joint, str(value).lower()]
    expected = any(
        all(word == "true" for word in part.split(" and ")) for part in " ".join(words).split(" or ")
    )
    assert matches(parse_filter(" ".join(words)).expression, {}) is expected
