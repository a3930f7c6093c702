from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iacs.core.exceptions import MailQueryError
from iacs.mail_query.odata import encode, literal, parameters, search_phrase
from iacs.mail_query.query import MailQuery
from iacs.mail_query.sorting import Condition

AWKWARD = st.text(st.one_of(st.sampled_from("'\"\\&+%=#?;,/() \x00\n€😀"), st.characters(codec="utf-8")))


def options(**fields: Any) -> dict[str, str]:
    return parameters(MailQuery(**fields), page_size=100)


def test_no_condition_asks_for_a_page_and_nothing_else() -> None:
    assert options() == {"$top": "100"}


def test_quotes_are_doubled_and_backslashes_left_alone() -> None:
    assert options(subject_contains=r"let's \o/")["$filter"] == r"contains(subject,'let''s \o/')"


def test_a_space_is_never_a_plus_sign() -> None:
    assert encode({"$filter": "a b+c%'"}) == "$filter=a%20b%2Bc%25%27"


@given(AWKWARD)
def test_any_string_survives_literal_and_encoding(text: str) -> None:
    name, value = parse_qsl(encode({"$filter": literal(text)}), keep_blank_values=True)[0]
    assert name == "$filter"
    assert value[0] == value[-1] == "'"
    assert value[1:-1].replace("''", "'") == text
    assert Condition(f"{value} eq subject").properties == ("subject",)


@given(AWKWARD.filter(str.strip))
def test_any_search_stays_between_its_quotes(text: str) -> None:
    phrase = search_phrase(text)[1:-1]
    assert phrase.replace("\\\\", "\0\0").replace('\\"', "").count('"') == 0
    assert (
        phrase.encode().decode().replace("\\\\", "\ufdd0").replace('\\"', '"').replace("\ufdd0", "\\") == text
    )


def test_instants_are_given_in_utc() -> None:
    moment = datetime(2026, 11, 23, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert options(received_after=moment)["$filter"] == "receivedDateTime ge 2026-11-22T23:30:00Z"


def test_an_instant_keeps_its_microseconds() -> None:
    moment = datetime(2026, 11, 23, 1, 30, 0, 250000, tzinfo=UTC)
    assert options(received_before=moment)["$filter"] == "receivedDateTime lt 2026-11-23T01:30:00.250000Z"


def test_an_instant_without_time_zone_is_refused() -> None:
    with pytest.raises(MailQueryError, match="received_after has no time zone\nadd one"):
        options(received_after=datetime(2026, 11, 23))  # noqa: DTZ001


def test_an_instant_that_utc_cannot_express_is_refused() -> None:
    with pytest.raises(MailQueryError, match="outside the years 1 to 9999"):
        options(received_after=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))))


def test_all_conditions_are_joined_and_the_raw_one_is_grouped() -> None:
    assert options(
        sender="a@b.example",
        unread=True,
        has_attachments=False,
        filter="importance eq 'high' or isDraft eq true",
    )["$filter"] == (
        "from/emailAddress/address eq 'a@b.example' and isRead eq false and hasAttachments eq false"
        " and (importance eq 'high' or isDraft eq true)"
    )


def test_a_raw_filter_alone_passes_as_it_is() -> None:
    assert (
        options(filter="isRead eq false or isDraft eq true")["$filter"]
        == "isRead eq false or isDraft eq true"
    )


def test_ordering_without_a_condition_adds_none() -> None:
    assert options(order_by="received_at desc") == {"$orderby": "receivedDateTime desc", "$top": "100"}


def test_conditions_without_ordering_get_none_added() -> None:
    assert options(unread=True) == {"$filter": "isRead eq false", "$top": "100"}


def test_the_property_to_order_by_is_filtered_first() -> None:
    query = options(unread=True, order_by=("received_at desc",))
    assert query["$filter"] == "receivedDateTime ge 1900-01-01T00:00:00Z and isRead eq false"


def test_a_condition_on_the_ordered_property_serves() -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    query = options(sender="a@b.example", received_after=since, order_by="receivedDateTime")
    assert query["$filter"] == (
        "receivedDateTime ge 2026-01-01T00:00:00Z and from/emailAddress/address eq 'a@b.example'"
    )


def test_conditions_follow_the_order_of_several_properties() -> None:
    query = options(
        subject_contains="x", sender="a@b.example", order_by=("from", "received_at desc", "subject")
    )
    assert query["$filter"] == (
        "from/emailAddress/address eq 'a@b.example' and receivedDateTime ge 1900-01-01T00:00:00Z"
        " and contains(subject,'x')"
    )
    assert query["$orderby"] == "from/emailAddress/address,receivedDateTime desc,subject"


def test_a_raw_filter_that_begins_with_the_ordered_property_comes_first() -> None:
    query = options(unread=True, filter="importance eq 'high' or importance eq 'low'", order_by="importance")
    assert query["$filter"] == "(importance eq 'high' or importance eq 'low') and isRead eq false"


def test_words_in_strings_are_not_properties() -> None:
    with pytest.raises(MailQueryError, match="add a condition on importance"):
        options(filter="subject eq 'importance eq high'", order_by="importance")


def test_dates_and_functions_are_not_properties() -> None:
    condition = Condition("startswith(subject,'a') and receivedDateTime ge 2002-01-01T00:00:00Z")
    assert condition.properties == ("subject", "receivedDateTime")


def test_ordering_by_what_is_not_filtered_is_refused_with_a_way_out() -> None:
    with pytest.raises(MailQueryError, match="add a condition on subject, or order by received_at"):
        options(unread=True, order_by="subject")


def test_a_raw_filter_in_another_order_is_refused() -> None:
    raw = "receivedDateTime ge 2002-01-01T00:00:00Z and isRead eq true and subject eq 'x'"
    with pytest.raises(MailQueryError, match="in this order"):
        options(filter=raw, order_by=("received_at", "subject"))


@pytest.mark.parametrize("other", [{"unread": True}, {"filter": "isRead eq true"}, {"order_by": "subject"}])
def test_a_search_beside_a_condition_or_an_order_is_refused_at_once(other: dict[str, Any]) -> None:
    with pytest.raises(MailQueryError, match="Graph rejects search together with"):
        options(search="pelle", **other)


def test_search_is_quoted() -> None:
    assert options(search='subject:"a b" c\\d')["$search"] == '"subject:\\"a b\\" c\\\\d"'


def test_an_empty_search_is_refused() -> None:
    with pytest.raises(MailQueryError, match="search is empty"):
        options(search="  ")


def test_fields_are_selected_by_either_name_and_always_with_the_id() -> None:
    assert options(select=("subject", "received_at", "from_", "toRecipients"))["$select"] == (
        "id,subject,receivedDateTime,from,toRecipients"
    )


@pytest.mark.parametrize("name", ["subject,body", "a b", "", "$filter", "a&b"])
def test_an_unknown_field_is_rejected(name: str) -> None:
    with pytest.raises(MailQueryError, match="is not a field"):
        options(select=(name,))


@pytest.mark.parametrize("text", ["received_at down", "a b c", ""])
def test_a_malformed_order_is_rejected(text: str) -> None:
    with pytest.raises(MailQueryError, match="is not a field"):
        options(order_by=text)


@pytest.mark.parametrize(
    ("limit", "page_size", "top"), [(5, None, "5"), (5000, None, "100"), (5000, 1000, "1000")]
)
def test_a_page_is_never_larger_than_the_whole(limit: int, page_size: int | None, top: str) -> None:
    assert options(limit=limit, page_size=page_size)["$top"] == top


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"page_size": 1001}, "page_size: Input should be less than or equal to 1000"),
        ({"limit": 0}, "limit: Input should be greater than or equal to 1"),
        ({"sendr": "x"}, "MailQuery has no field 'sendr'\nthe fields are folder, sender"),
    ],
)
def test_a_malformed_query_is_a_sentence(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(MailQueryError, match=problem):
        MailQuery(**fields)
