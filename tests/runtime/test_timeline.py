"""What an application reports of its start and stop: as data, as a table, and as log lines."""

import logging
from typing import Any

import pytest

from iacs.core.exceptions import StartError
from iacs.runtime import Application
from tests.fixtures.workshop import Workshop


def _app(workshop: Workshop) -> Application[Any]:
    low = workshop.async_resource("low")
    return Application(workshop.container(low=low, high=workshop.singleton("high", low)))


async def test_each_part_s_start_and_stop_is_a_step(workshop: Workshop) -> None:
    app = _app(workshop)
    assert list(app.timeline) == []
    async with app:
        assert [(step.path, step.action) for step in app.timeline] == [("low", "start"), ("high", "start")]
        low, high = app.timeline
        assert 0 <= low.began <= low.ended <= high.began <= high.ended
    assert [(step.path, step.action) for step in app.timeline[2:]] == [("high", "stop"), ("low", "stop")]


async def test_a_second_start_begins_a_new_timeline(workshop: Workshop) -> None:
    app = _app(workshop)
    async with app:
        first = app.timeline
    async with app:
        assert len(app.timeline) == 2
        assert app.timeline is not first


async def test_a_failure_is_described_by_its_type(workshop: Workshop) -> None:
    workshop.starting["high"] = ValueError("pasted-secret")
    app = _app(workshop)
    with pytest.raises(StartError):
        await app.start()
    assert [(step.path, step.action, step.error) for step in app.timeline] == [
        ("low", "start", ""),
        ("high", "start", "ValueError"),
        ("low", "stop", ""),
    ]
    assert "start: ValueError" in str(app.timeline)
    assert "pasted-secret" not in str(app.timeline)


async def test_the_table_has_a_line_for_each_step(workshop: Workshop) -> None:
    async with _app(workshop) as app:
        lines = str(app.timeline).splitlines()
    assert lines[0].split() == ["part", "action", "began", "ms", "took", "ms", "beside"]
    assert [line.split()[:2] for line in lines[1:]] == [["low", "start"], ["high", "start"]]


async def test_each_step_is_an_event_with_fields(
    workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "iacs.runtime")
    workshop.starting["high"] = ValueError("pasted-secret")
    with pytest.raises(StartError):
        await _app(workshop).start()
    messages = [
        (str(record.msg).partition(" part=")[0], vars(record).get("part"), vars(record).get("error"))
        for record in caplog.records
    ]
    assert messages[:3] == [
        ("part started", "low", None),
        ("part could not be started", "high", "ValueError"),
        ("part stopped", "low", None),
    ]
    assert "pasted-secret" not in caplog.text
    assert all(vars(record)["seconds"] >= 0 for record in caplog.records)


async def test_nothing_is_printed_by_default(workshop: Workshop, capfd: pytest.CaptureFixture[str]) -> None:
    async with _app(workshop):
        pass
    assert capfd.readouterr() == ("", "")
