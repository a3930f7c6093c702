"""Every row of Entra ID's errors: which kind it is, and the hint that people read."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from iacs.core._oauth.errors import SIGN_IN_SUBERRORS, read_problem, response_error
from iacs.core.exceptions import (
    APIConnectionError,
    AuthenticationError,
    IACSGraphError,
    MalformedResponseError,
    OperatorRequiredError,
    SignInRequiredError,
)
from iacs.core.http_client import HttpResponse
from tests.fixtures.identity import Answer, ScriptedEntra


def response(answer: Answer) -> HttpResponse:
    body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    return HttpResponse(answer.status, CIMultiDict(answer.headers), body.encode())


def refusal(error: str, code: int = 0, *, status: int = 400, **fields: object) -> IACSGraphError:
    answer = ScriptedEntra.refuse(error, code=code, status=status, **fields)
    return response_error(response(answer), "renew the tokens")


SIGN_IN = [
    ("invalid_grant", 50173, "revoked"),
    ("invalid_grant", 70008, "unused for too long"),
    ("invalid_grant", 700082, "unused for too long"),
    ("invalid_grant", 70043, "sign-in frequency"),
    ("invalid_grant", 700084, "single-page"),
    ("invalid_grant", 65001, "consented"),
    ("consent_required", 65001, "consented"),
    ("interaction_required", 50076, "second factor"),
    ("interaction_required", 50079, "second factor"),
    ("interaction_required", 50072, "second factor"),
    ("interaction_required", 50074, "second factor"),
    ("interaction_required", 50078, "second factor"),
    ("invalid_grant", 50055, "password has expired"),
    ("invalid_grant", 50144, "password has expired"),
    ("invalid_grant", 50132, "sign in again"),
    ("invalid_grant", 50133, "sign in again"),
    ("invalid_grant", 50089, "sign in again"),
    ("invalid_grant", 54005, "already redeemed"),
    ("invalid_grant", 70000, "sign in again"),
    ("interaction_required", 53003, "conditional access"),
    ("login_required", 50058, "sign in again"),
    ("login_required", 0, "sign in again"),
]
OPERATOR = [
    ("invalid_client", 7000215, "secret's value"),
    ("invalid_client", 7000222, "the client secret has expired: make a new one in the app registration"),
    ("invalid_client", 700027, "AZURE_CLIENT_CERTIFICATE_PATH"),
    ("unauthorized_client", 700016, "AZURE_CLIENT_ID"),
    ("unauthorized_client", 7000112, "disabled"),
    ("unauthorized_client", 70001, "disabled"),
    ("invalid_request", 90002, "the tenant does not exist"),
    ("invalid_tenant", 90002, "the tenant does not exist"),
    ("invalid_request", 50194, "one tenant only"),
    ("invalid_request", 50011, "AZURE_REDIRECT_URI"),
    ("unauthorized_client", 90094, "administrator"),
    ("unauthorized_client", 50057, "disabled"),
    ("invalid_resource", 0, "will not help"),
    ("invalid_scope", 0, "will not help"),
    ("unsupported_grant_type", 0, "will not help"),
]
TRANSIENT = [
    ("temporarily_unavailable", 90033, 400),
    ("server_error", 50033, 400),
    ("server_error", 90012, 500),
    ("invalid_grant", 90024, 503),
    ("invalid_client", 90055, 429),
    ("temporarily_unavailable", 50087, 503),
]
OTHER = [
    ("access_denied", 0, "declined"),
    ("authorization_declined", 70018, "declined"),
    ("expired_token", 70020, "not entered in time"),
    ("something_new", 0, "try again"),
]


@pytest.mark.parametrize(("error", "code", "hint"), SIGN_IN)
def test_only_the_person_can_help(error: str, code: int, hint: str) -> None:
    raised = refusal(error, code)
    assert type(raised) is SignInRequiredError
    assert hint in raised.hint


@pytest.mark.parametrize("suberror", sorted(SIGN_IN_SUBERRORS))
def test_a_suberror_of_interaction_sends_the_person_to_sign_in(suberror: str) -> None:
    raised = refusal("unauthorized_client", 53003, suberror=suberror)
    assert isinstance(raised, SignInRequiredError)
    assert raised.suberror == suberror


@pytest.mark.parametrize(("error", "code", "hint"), OPERATOR)
def test_only_the_operator_can_help(error: str, code: int, hint: str) -> None:
    raised = refusal(error, code, status=401 if error == "invalid_client" else 400)
    assert type(raised) is OperatorRequiredError
    assert hint in raised.hint


@pytest.mark.parametrize(("error", "code", "status"), TRANSIENT)
def test_what_will_pass_is_a_connection_error(error: str, code: int, status: int) -> None:
    raised = refusal(error, code, status=status)
    assert type(raised) is APIConnectionError
    assert raised.status == status


@pytest.mark.parametrize(("error", "code", "hint"), OTHER)
def test_any_other_refusal_is_an_authentication_error(error: str, code: int, hint: str) -> None:
    raised = refusal(error, code)
    assert type(raised) is AuthenticationError
    assert hint in raised.hint


def test_a_number_alone_decides_nothing() -> None:
    assert isinstance(refusal("invalid_grant", 7000222), SignInRequiredError)
    assert isinstance(refusal("invalid_client", 50173), OperatorRequiredError)


def test_everything_for_support_is_kept() -> None:
    raised = refusal("invalid_grant", 50173, suberror="bad_token", claims='{"a":1}')
    assert isinstance(raised, AuthenticationError)
    assert (raised.error, raised.suberror, raised.codes) == ("invalid_grant", "bad_token", (50173,))
    assert (raised.trace_id, raised.correlation_id, raised.claims) == ("t-1", "c-1", '{"a":1}')
    assert str(raised) == (
        "Entra ID refused to renew the tokens (invalid_grant, bad_token, AADSTS50173): What happened, in words"
        " (for support: trace id t-1, correlation id c-1)"
    )
    assert raised.hint == "the grant was revoked or the password was reset: the person must sign in again"


def test_the_numbers_are_also_read_from_the_description() -> None:
    problem = read_problem(b'{"error": "invalid_grant", "error_description": "AADSTS70008: Expired."}')
    assert problem is not None
    assert problem.codes == (70008,)


def test_a_secret_that_the_server_echoes_is_blotted_out() -> None:
    body = '{"error": "invalid_client", "error_description": "Wrong secret hunter2 given. More."}'
    raised = response_error(response(Answer(401, body)), "x", secrets=["hunter2", ""])
    assert "Wrong secret [redacted] given" in str(raised)


def test_the_words_of_the_server_are_printable_and_short() -> None:
    answer = Answer(400, {"error": "invalid_grant\x1b[2J", "error_description": "\x1b[31m" + "x" * 5000})
    text = str(response_error(response(answer), "x"))
    assert text.isprintable()
    assert len(text) < 600


@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"error": 7}'])
def test_an_answer_without_an_error_is_malformed(body: str) -> None:
    raised = response_error(response(Answer(404, body)), "show its metadata")
    assert type(raised) is MalformedResponseError
    assert "AZURE_AUTHORITY_HOST" in raised.hint


def test_an_outage_needs_no_json() -> None:
    raised = response_error(response(Answer(502, "<html>", {"Retry-After": "12"})), "x")
    assert isinstance(raised, APIConnectionError)
    assert (raised.status, raised.retry_after) == (502, 12.0)
    assert raised.hint == "try again in 12 seconds"


def test_retry_after_may_be_a_date() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    seconds = response(Answer(429, "", {"Retry-After": in_a_minute})).retry_after
    assert seconds is not None
    assert 50 < seconds <= 60


@pytest.mark.parametrize("value", ["", "soon", "-5", "²"])
def test_a_malformed_retry_after_counts_as_none(value: str) -> None:
    assert response(Answer(429, "", {"Retry-After": value})).retry_after is None


@given(
    body=st.binary()
    | st.recursive(st.none() | st.text(), lambda inner: st.lists(inner)).map(repr).map(str.encode)
)
def test_no_body_breaks_the_reading(body: bytes) -> None:
    raised = response_error(HttpResponse(400, CIMultiDict(), body), "x")
    assert isinstance(raised, IACSGraphError)


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ('{"access_token":{}}', '{"access_token":{}}'),
        ("eyJhY2Nlc3NfdG9rZW4iOnt9fQ", '{"access_token":{}}'),
        ({"access_token": {}}, '{"access_token": {}}'),
        ("", ""),
        ("nonsense", ""),
        ("[]", ""),
        (7, ""),
        (None, ""),
    ],
)
def test_claims_that_no_sign_in_could_carry_are_left_out(stated: object, kept: str) -> None:
    raised = refusal("interaction_required", 50076, claims=stated)
    assert isinstance(raised, SignInRequiredError)
    assert raised.claims == kept


def test_claims_that_nest_too_deeply_to_be_written_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    body = ScriptedEntra.refuse("interaction_required", claims={"access_token": {}}).body

    def fail(value: object) -> str:
        raise RecursionError

    text = json.dumps(body).encode()
    monkeypatch.setattr("iacs.core._oauth.errors.json.dumps", fail)
    problem = read_problem(text)
    assert problem is not None
    assert problem.claims == ""
