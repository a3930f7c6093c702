"""A sign-in with a code on another device (RFC 8628)."""

import asyncio
from typing import Any

import pytest

from iacs.core.exceptions import (
    AuthenticationError,
    OperatorRequiredError,
)
from tests.fixtures.identity import Answer, ScriptedEntra, grant


def device(**changes: Any) -> Answer:
    body = {
        "device_code": "the-device-code",
        "user_code": "ABC123",
        "verification_uri": "https://microsoft.com/devicelogin",
        "message": "Enter ABC123",
        "expires_in": 900,
        "interval": 0.01,
    }
    return Answer(body=body | changes)


async def test_a_device_is_granted_once_the_person_has_entered_the_code(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.device_path, device())
    pending = entra.refuse("authorization_pending", code=70016)
    entra.server.answer(entra.token_path, pending, Answer(503), pending, grant())
    client = entra.client()
    code = await client.begin_device_code()
    assert (code.user_code, code.message) == ("ABC123", "Enter ABC123")
    assert "the-device-code" not in repr(code)
    assert (await client.poll_device_code(code)).access_token.get_secret_value() == "access-1"
    polls = entra.server.received(entra.token_path)
    assert len(polls) == 4
    assert polls[0].form["grant_type"] == "urn:ietf:params:oauth:grant-type:device_code"
    assert polls[0].form["device_code"] == "the-device-code"


async def test_slow_down_makes_each_pause_five_seconds_longer(
    entra: ScriptedEntra, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        if seconds:  # the name is everybody's: an answer that is read yields with a pause of zero
            pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    entra.server.answer(entra.device_path, device(interval=2))
    entra.server.answer(
        entra.token_path,
        entra.refuse("slow_down"),
        entra.refuse("authorization_pending"),
        Answer(429, "", {"Retry-After": "30"}),
        grant(),
    )
    client = entra.client()
    await client.poll_device_code(await client.begin_device_code())
    assert pauses == [2, 7, 7, 30]


async def test_a_device_code_expires(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.device_path, device(expires_in=1, interval=60))
    client = entra.client()
    with pytest.raises(AuthenticationError, match="ABC123 was not entered in time"):
        await client.poll_device_code(await client.begin_device_code())


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("authorization_declined", "declined"),
        ("expired_token", "not entered in time"),
        ("bad_verification_code", "no longer known"),
    ],
)
async def test_a_device_that_is_refused_stops_polling(
    entra: ScriptedEntra, error: str, sentence: str
) -> None:
    entra.server.answer(entra.device_path, device())
    entra.server.answer(entra.token_path, entra.refuse(error))
    client = entra.client()
    with pytest.raises(AuthenticationError, match=sentence):
        await client.poll_device_code(await client.begin_device_code())
    assert len(entra.server.received(entra.token_path)) == 1


async def test_a_device_code_that_is_refused_says_why(entra: ScriptedEntra) -> None:
    entra.server.answer(entra.device_path, entra.refuse("unauthorized_client", code=700016))
    with pytest.raises(OperatorRequiredError, match="AZURE_CLIENT_ID"):
        await entra.client().begin_device_code()


async def test_an_authority_without_device_codes_says_so(entra: ScriptedEntra) -> None:
    del entra.metadata["device_authorization_endpoint"]
    with pytest.raises(OperatorRequiredError, match="use the browser"):
        await entra.client().begin_device_code()
