"""Flask under real requests."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from dependency_injector import containers, providers
from flask import Flask, Request, abort, redirect, request, stream_with_context
from flask.testing import FlaskClient

from iacs.core.exceptions import AccountNotFoundError, DatabaseError
from iacs.integrations.flask import setup
from iacs.runtime import Application, inject, scoped
from tests.integrations.parts import Greeter, Session, journal, open_session


class Visit:
    def __init__(self, request: Request) -> None:
        self.path = request.path


class Container(containers.DeclarativeContainer):
    greeter = providers.Singleton(Greeter)
    request = scoped.value(Request)
    session = scoped.resource(open_session)
    visit = scoped.singleton(Visit, request)


@inject
def greet(name: str, greeter: Greeter, visit: Visit, session: Session) -> str:
    return f"{greeter.word} {name} {visit.path} {request.args['times']}"


@inject
def refuse(session: Session) -> str:
    abort(409)


@inject
def move(session: Session) -> Any:
    abort(redirect("/"))


@inject
def fail(session: Session) -> str:
    raise ValueError


@inject
def unknown(session: Session) -> str:
    raise AccountNotFoundError("nobody@contoso.example is not enrolled", hint="run: iacs account add …")


@inject
def away(session: Session) -> str:
    raise DatabaseError("10.0.0.3 refuses connections")


def stream() -> Any:
    @inject
    def pieces(session: Session) -> Iterator[str]:
        journal.append("piece")
        yield "a"

    return stream_with_context(pieces())


def served() -> tuple[Flask, Application[Container]]:
    app, application = Flask("served"), Application(Container())
    setup(app, application)
    app.get("/greet/<name>")(greet)
    for view in (refuse, move, fail, unknown, away, stream):
        app.get(f"/{view.__name__}")(view)
    return app, application


@pytest.fixture
def http() -> Iterator[FlaskClient]:
    app, application = served()
    with application.sync():
        yield app.test_client()


def test_a_request_has_a_scope_in_which_its_request_is(http: FlaskClient) -> None:
    assert http.get("/greet/Ada?times=2").text == "hello Ada /greet/Ada 2"
    assert journal == ["begin", "commit"]


@pytest.mark.parametrize(
    ("path", "status", "end"),
    [
        ("/refuse", 409, "rollback Conflict"),
        ("/fail", 500, "rollback ValueError"),
        ("/unknown", 404, "rollback AccountNotFoundError"),
        ("/move", 302, "commit"),
    ],
)
def test_an_error_rolls_back_whether_or_not_it_is_answered(
    http: FlaskClient, path: str, status: int, end: str
) -> None:
    assert http.get(path).status_code == status
    assert journal == ["begin", end]


def test_an_error_handler_of_the_application_answers_what_rolls_back() -> None:
    app, application = served()
    app.errorhandler(ValueError)(lambda _error: ("answered", 400))
    with application.sync():
        assert app.test_client().get("/fail").text == "answered"
    assert journal == ["begin", "rollback ValueError"]


def test_an_error_of_iacs_is_answered_by_its_code(http: FlaskClient) -> None:
    message = "nobody@contoso.example is not enrolled"
    assert http.get("/unknown").json == {"code": "account_not_found", "message": message}
    answer = http.get("/away")
    assert (answer.status_code, answer.json) == (503, {"code": "database", "message": "Service Unavailable"})


def test_a_response_that_is_streamed_has_its_parts_until_it_is_sent(http: FlaskClient) -> None:
    with http.get("/stream") as answer:
        assert answer.get_data(as_text=True) == "a"
    assert journal == ["begin", "piece", "commit"]


def test_a_page_that_does_not_exist_ends_its_scope(http: FlaskClient) -> None:
    assert http.get("/nowhere").status_code == 404
    assert http.get("/greet/Ada?times=2").status_code == 200


def test_threads_have_scopes_of_their_own() -> None:
    app, application = served()
    together = Barrier(4, timeout=30)

    @app.get("/meet")
    @inject
    def meet(session: Session) -> str:
        together.wait()
        return str(id(session))

    with application.sync(), ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: app.test_client().get("/meet").text, range(4)))
    assert len(set(answers)) == 4


def test_an_overlay_of_a_test_reaches_the_views() -> None:
    app, application = served()
    with application.sync(), application.overlay(greeter=Greeter("fake")):
        assert app.test_client().get("/greet/Ada?times=1").text.startswith("fake")
