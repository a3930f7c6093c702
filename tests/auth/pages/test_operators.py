"""Keys and sessions of operators."""

from datetime import timedelta

import pytest

from iacs.auth.pages.operators import Operators
from iacs.core import clock


def test_a_key_opens_one_session() -> None:
    operators = Operators()
    assert operators.open_session("") is None
    key = operators.new_key()
    session = operators.open_session(key)
    assert session is not None
    assert operators.is_session(session)
    assert operators.open_session(key) is None
    assert not operators.is_session(key)


def test_a_new_key_replaces_one_that_was_not_used() -> None:
    operators = Operators()
    first, second = operators.new_key(), operators.new_key()
    assert operators.open_session(first) is None
    assert operators.open_session(second) is not None


def test_a_session_ends_after_twelve_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    operators = Operators()
    session = operators.open_session(operators.new_key())
    assert session is not None
    later = clock.now() + timedelta(hours=12, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert not operators.is_session(session)
