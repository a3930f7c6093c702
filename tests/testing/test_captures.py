"""Real runs of pytest with the fixtures `captured_events` and `captured_logs`."""

import pytest

pytest_plugins = ["pytester"]

INI = """
[pytest]
iacs_container = iacs.containers:ApplicationContainer
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("COLUMNS", "200")
    pytester.makeini(INI)
    return pytester


def test_what_a_sync_publishes_is_captured_as_typed_events(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from pydantic import ValidationError
        from iacs.core.event_log import EventLog
        from iacs.core.exceptions import EventEncodingError
        from iacs.core.events import EventStream
        from iacs.mail_query import MailQueryService, MailReceived

        ALICE = "alice@contoso.example"
        original = EventLog.publish_many

        async def test_it(cloud, application, captured_events):
            cloud.receive(subject="Invoice 7")
            await application.get(MailQueryService).sync(ALICE)
            (received,) = captured_events.of("iacs.mail.received", MailReceived)
            assert isinstance(received, MailReceived)
            (event,) = captured_events
            assert event.topic == "iacs.mail.received"
            events = application["core.events"]
            await events.publish("orders", {"number": 7, "password": "hunter2"}, key="alice")
            with pytest.raises(EventEncodingError):
                await events.publish("orders", object())
            assert captured_events[1].value["number"] == 7
            assert captured_events[1:] == list(captured_events)[1:]
            assert len(captured_events) == 2
            assert "hunter2" not in repr(captured_events)
            assert "'orders', 'alice'" in repr(captured_events)
            assert captured_events.of("orders", dict[str, object]) == [{"number": 7, "password": "hunter2"}]
            with pytest.raises(ValidationError):
                captured_events.of("orders", MailReceived)

        async def test_the_next_test_begins_anew(cloud, application, captured_events):
            assert list(captured_events) == []
            assert captured_events.of("iacs.mail.received", MailReceived) == []

        def test_nothing_is_left():
            assert EventLog.publish_many is original
        """
    )
    project.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=3)


def test_log_lines_are_dictionaries_without_secrets(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import logging
        from iacs.core.logger import create_logger, log_context

        def test_it(captured_logs):
            logger = create_logger("shop")
            with log_context(correlation_id="c-1"):
                logger.info("order placed", number=7, password="hunter2", event="again")
            logger.debug("not logged")
            try:
                raise ValueError("Authorization: Bearer abcdefghijklmnop")
            except ValueError:
                logging.getLogger("other").exception("token=%s", "abcdefghijklmnop")
            assert captured_logs[0] == {
                "level": "info", "logger": "shop", "event": "order placed",
                "correlation_id": "c-1", "number": 7, "password": "[redacted]", "event_": "again",
            }
            assert captured_logs[1]["level"] == "error"
            assert "ValueError" in captured_logs[1]["exception"]
            assert "abcdefghijklmnop" not in str(captured_logs)
            assert len(captured_logs) == 2

        def test_the_next_test_begins_anew(captured_logs):
            assert captured_logs == []

        async def test_of_an_application(application, captured_logs):
            assert captured_logs == []
            create_logger().info("signed in", account="alice")
            assert captured_logs[-1]["account"] == "alice"
        """
    )
    project.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=3)
