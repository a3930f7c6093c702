"""The fixtures `captured_events` and `captured_logs`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from iacs.testing.captures import CapturedEvents


@pytest.fixture
def captured_events() -> "Iterator[CapturedEvents]":
    """The events that this process publishes during the test, on Kafka and on the event log, oldest first."""
    from iacs.testing.captures import capturing_events

    with capturing_events() as captured:
        yield captured


@pytest.fixture
def captured_logs() -> Iterator[list[dict[str, Any]]]:
    """The log lines of the test as dictionaries with level, logger, event and fields, without secrets.

    Lines below the level of their logger (for iacs ``LOG_LEVEL``) are not logged, and so not here.
    """
    from iacs.testing.captures import capturing_logs

    with capturing_logs() as lines:
        yield lines
