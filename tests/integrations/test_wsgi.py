"""Plain WSGI: the protocol itself, without a framework."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import NotStartedError, StartError
from iacs.integrations.wsgi import ScopeMiddleware, request_scope, setup
from iacs.runtime import Application, current_application, inject, scoped
from tests.integrations.parts import Greeter, Session, journal, open_session, open_session_in_loop


class Container(containers.DeclarativeContainer):
    word = providers.Object("hello")
    greeter = providers.Singleton(Greeter, word)
    session = scoped.resource(open_session)


class InLoop(containers.DeclarativeContainer):
    session = providers.Resource(open_session_in_loop)


def nothing(*_: object) -> None: ...


@inject
def greet(environ: dict[str, Any], start_response: Any, greeter: Greeter, session: Session) -> Any:
    assert request_scope(environ).get(Session) is session
    return [greeter.word.encode()]


@pytest.fixture
def application() -> Application[Container]:
    return Application(Container())


@pytest.fixture
def middlewares() -> Iterator[list[ScopeMiddleware]]:
    made: list[ScopeMiddleware] = []
    yield made
    for middleware in made:
        middleware.close()


def answer(app: Any) -> bytes:
    """Read a response as a server does."""
    body = app({}, nothing)
    try:
        return b"".join(body)
    finally:
        body.close()


def test_the_application_starts_with_the_first_request_and_each_request_has_a_scope(
    application: Application[Container],
) -> None:
    app = setup(greet, application)
    assert not application.is_started
    assert answer(app) == b"hello"
    assert application.is_started
    assert answer(app) == b"hello"
    assert journal == ["begin", "commit"] * 2
    app.close()
    assert not application.is_started


def test_a_response_that_is_streamed_has_its_parts_until_the_server_closes_it(
    application: Application[Container],
) -> None:
    def stream(_environ: Any, _start_response: Any) -> Iterator[bytes]:
        current_application().get(Session)
        journal.append("piece")
        yield b"a"

    with application.sync():
        body = setup(stream, application)({}, nothing)
        assert list(body) == [b"a"]
        assert journal == ["begin", "piece"]
        body.close()
        assert journal == ["begin", "piece", "commit"]


def test_an_error_rolls_back_whether_it_comes_from_the_application_or_its_response(
    application: Application[Container],
) -> None:
    @inject
    def fail(_environ: Any, _start_response: Any, session: Session) -> Any:
        raise ValueError

    def fail_late(_environ: Any, _start_response: Any) -> Iterator[bytes]:
        current_application().get(Session)
        yield b"a"
        raise ValueError

    with application.sync():
        for app in (fail, fail_late):
            with pytest.raises(ValueError, match=r"^$"):
                answer(setup(app, application))
            assert journal == ["begin", "rollback ValueError"]
            journal.clear()


def test_threads_have_scopes_of_their_own(application: Application[Container]) -> None:
    together = Barrier(8, timeout=30)

    @inject
    def meet(_environ: Any, _start_response: Any, session: Session) -> Any:
        together.wait()
        return [str(id(session)).encode()]

    app = setup(meet, application)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: answer(app), range(8)))
    app.close()
    assert len(set(answers)) == 8
    assert sorted(journal) == ["begin"] * 8 + ["commit"] * 8


def test_each_of_two_servers_in_one_process_gives_its_own_parts(middlewares: list[ScopeMiddleware]) -> None:
    middlewares += [setup(greet, Application(Container(word=word))) for word in ("first", "second")]
    assert [answer(app) for app in middlewares * 3] == [b"first", b"second"] * 3


def test_an_overlay_of_a_test_reaches_the_application(application: Application[Container]) -> None:
    app = setup(greet, application)
    with application.sync():
        with application.overlay(greeter=Greeter("fake")):
            assert answer(app) == b"fake"
        assert answer(app) == b"hello"


def test_a_part_that_needs_an_event_loop_is_named() -> None:
    with pytest.raises(StartError, match="session"):
        answer(setup(greet, Application(InLoop())))


def test_a_request_without_the_middleware_says_what_to_call() -> None:
    with pytest.raises(NotStartedError, match="no scope"):
        request_scope({})
