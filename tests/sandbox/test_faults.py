"""Scripted failures arrive as scripted, and only then."""

import asyncio
import base64
import time

import aiohttp
import pytest

from iacs.sandbox import Fault, Sandbox

from .graph.conftest import Ask, ask, sign_in

__all__ = ["ask"]
MESSAGES = "/me/messages"


async def test_throttling_says_when_to_come_back_or_not(cloud: Sandbox, ask: Ask) -> None:
    cloud.faults.throttle("*/messages", retry_after=2)
    cloud.faults.throttle("*/messages")
    status, body, answer = await ask(MESSAGES)
    assert (status, body["error"]["code"], answer.headers["Retry-After"]) == (
        429,
        "ApplicationThrottled",
        "2",
    )
    status, _, answer = await ask(MESSAGES)
    assert status == 429
    assert "Retry-After" not in answer.headers
    assert (await ask(MESSAGES))[0] == 200


@pytest.mark.parametrize("status", [500, 503, 504])
async def test_the_service_may_be_away_for_some_requests(cloud: Sandbox, ask: Ask, status: int) -> None:
    fault = cloud.faults.unavailable("*/messages", status=status, times=2, after=1)
    assert [(await ask(MESSAGES))[0] for _ in range(4)] == [200, status, status, 200]
    assert fault.applied == 2


async def test_a_fault_meets_only_whom_it_names(cloud: Sandbox, ask: Ask) -> None:
    cloud.faults.unavailable("*/messages", user="bob@contoso.example", times=None)
    assert (await ask(MESSAGES))[0] == 200
    cloud.faults.unavailable("*/messages", user="alice@contoso.example", times=None)
    assert (await ask(MESSAGES))[0] == 503
    cloud.faults.clear()
    assert (await ask(MESSAGES))[0] == 200


async def test_a_connection_may_drop(cloud: Sandbox, ask: Ask) -> None:
    cloud.faults.drop("*/messages", times=2)  # aiohttp asks again by itself, once, on a connection it reused
    with pytest.raises(aiohttp.ClientConnectionError):
        await ask(MESSAGES)
    assert (await ask(MESSAGES))[0] == 200
    assert [request.status for request in cloud.requests[-3:]] == [0, 0, 200]


async def test_redirects_and_unknown_paths_are_recorded_with_their_status(cloud: Sandbox) -> None:
    logout = f"{cloud.url}/common/oauth2/v2.0/logout?post_logout_redirect_uri=http://localhost/"
    async with aiohttp.ClientSession() as session:
        await session.get(logout, allow_redirects=False)
        await session.get(f"{cloud.url}/nothing/here")
    assert [request.status for request in cloud.requests] == [302, 404]


async def test_an_answer_may_be_slow(cloud: Sandbox, ask: Ask) -> None:
    cloud.faults.slow("*/messages", seconds=0.2)
    started = time.monotonic()
    assert (await ask(MESSAGES))[0] == 200
    assert time.monotonic() - started >= 0.2


async def test_a_claims_challenge_carries_its_claims(cloud: Sandbox, ask: Ask) -> None:
    fault = cloud.faults.claims_challenge("*/messages")
    status, _, answer = await ask(MESSAGES)
    challenge = answer.headers["WWW-Authenticate"]
    assert status == 401
    assert 'error="insufficient_claims"' in challenge
    encoded = challenge.partition('claims="')[2].partition('"')[0]
    assert base64.b64decode(encoded).decode() == fault.claims


async def test_a_mailbox_serves_four_requests_at_a_time(cloud: Sandbox, ask: Ask) -> None:
    cloud.faults.add(Fault("*/messages", delay=0.3, times=None))
    answers = await asyncio.gather(*(ask(MESSAGES) for _ in range(6)))
    assert sorted(status for status, _, _ in answers) == [200, 200, 200, 200, 429, 429]
    cloud.behaviour.mailbox_concurrency = None
    answers = await asyncio.gather(*(ask(MESSAGES) for _ in range(6)))
    assert {status for status, _, _ in answers} == {200}


async def test_requests_are_recorded_without_their_tokens(cloud: Sandbox, ask: Ask) -> None:
    await ask(MESSAGES + "?$top=1", Prefer='IdType="ImmutableId"')
    record = cloud.requests[-1]
    assert (record.method, record.path, record.user) == ("GET", "/v1.0/me/messages", "alice@contoso.example")
    assert (record.query["$top"], record.headers["Prefer"], record.status) == (
        "1",
        'IdType="ImmutableId"',
        200,
    )
    assert not any(secret in str(vars(record)) for secret in cloud.issued)
    assert cloud.requests[-2].grant_type == "authorization_code"


async def test_only_good_tokens_may_read_and_nobody_may_write(cloud: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:
        token = await sign_in(cloud, session, "bob@contoso.example")
        headers = {"Authorization": f"Bearer {token}x"}
        async with session.get(f"{cloud.graph_url}/me", headers=headers) as answer:
            assert answer.status == 401
        async with session.get(f"{cloud.graph_url}/me") as answer:
            assert answer.status == 401
        async with session.post(
            f"{cloud.graph_url}/me", headers={"Authorization": f"Bearer {token}"}
        ) as answer:
            assert answer.status == 405
