from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iacs.core import clock

INSTANTS = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.timezones())  # noqa: DTZ001


def test_now_is_in_utc() -> None:
    assert clock.now().utcoffset() == timedelta(0)


def test_text_has_a_fixed_width_with_microseconds() -> None:
    assert clock.to_text(datetime(2026, 11, 23, 8, 15, 30, tzinfo=UTC)) == "2026-11-23T08:15:30.000000Z"


@given(INSTANTS)
def test_text_reads_back_as_the_same_instant(instant: datetime) -> None:
    assert clock.from_text(clock.to_text(instant)) == instant.astimezone(UTC)


@given(INSTANTS, INSTANTS)
def test_texts_sort_as_their_instants_do(one: datetime, two: datetime) -> None:
    one, two = one.astimezone(UTC), two.astimezone(UTC)  # within a zone of its own an hour may come twice

    assert (clock.to_text(one) < clock.to_text(two)) == (one < two)


def test_another_offset_is_turned_into_utc() -> None:
    tokyo = datetime(2026, 11, 23, 17, 15, tzinfo=timezone(timedelta(hours=9)))

    assert clock.to_text(tokyo) == "2026-11-23T08:15:00.000000Z"
    assert clock.from_text("2026-11-23T17:15:00+09:00") == tokyo


def test_what_has_no_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="is not an instant"):
        clock.to_text(datetime(2026, 11, 23))  # noqa: DTZ001
    with pytest.raises(ValueError, match="needs an offset"):
        clock.from_text("2026-11-23T08:15:30")


def test_a_malformed_instant_is_rejected() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        clock.from_text("yesterday")
