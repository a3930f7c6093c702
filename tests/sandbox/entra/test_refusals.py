"""Refusals of one person: which requests they meet, and what lifts them."""

import json
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest

from iacs.sandbox.entra.refusals import REFUSALS, RefusalCode
from tests.sandbox.entra.conftest import ALICE, Client

CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
BLOCKING = [code for code, refusal in REFUSALS.items() if refusal.blocks]
ENDING = [code for code, refusal in REFUSALS.items() if refusal.ends_tokens]
DEMANDING = [code for code in REFUSALS if code not in {*BLOCKING, *ENDING}]


def number(code: RefusalCode) -> int:
    return REFUSALS[code].number


def sent_back(response: aiohttp.ClientResponse) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(response.headers["Location"]).query))


async def refresh_token(client: Client) -> str:
    return str((await client.redeem(await client.code()))[1]["refresh_token"])


@pytest.mark.parametrize("code", BLOCKING)
async def test_a_policy_refuses_renewals_and_sign_ins_until_it_is_lifted(
    client: Client, code: RefusalCode
) -> None:
    token, late = await refresh_token(client), await client.code()
    client.cloud.refuse(ALICE, code)
    status, body = await client.refresh(token)
    assert (status, body["error"], body["error_codes"]) == (400, "invalid_grant", [code])
    assert body.get("suberror", "") == REFUSALS[code].suberror
    refused = sent_back(await client.authorize())
    assert refused["error"] == "access_denied"
    assert refused["error_description"].startswith(f"AADSTS{code}: ")
    assert (await client.redeem(late))[1]["error_codes"] == [code]
    client.cloud.allow(ALICE)
    assert (await client.refresh(token))[0] == 200
    assert "code" in sent_back(await client.authorize())


@pytest.mark.parametrize("code", DEMANDING)
async def test_a_demand_refuses_renewals_until_the_next_sign_in(client: Client, code: RefusalCode) -> None:
    token = await refresh_token(client)
    client.cloud.refuse(ALICE, code)
    assert (await client.refresh(token))[1]["error_codes"] == [code]
    await client.code()
    assert (await client.refresh(token))[0] == 200


@pytest.mark.parametrize("code", ENDING)
async def test_dead_refresh_tokens_stay_dead_and_new_ones_are_good(client: Client, code: RefusalCode) -> None:
    token = await refresh_token(client)
    client.cloud.refuse(ALICE, code)
    for _ in range(2):
        status, body = await client.refresh(token)
        assert (status, body["error_codes"]) == (400, [number(code)])
        assert body.get("suberror", "") == REFUSALS[code].suberror
    assert (await client.refresh(await refresh_token(client)))[0] == 200
    assert (await client.refresh(token))[0] == 400


async def test_a_sign_in_must_satisfy_the_claims_of_the_refusal(client: Client) -> None:
    token = await refresh_token(client)
    client.cloud.refuse(ALICE, 50076, claims=CLAIMS)
    assert (await client.refresh(token))[1]["claims"] == CLAIMS
    for sent in ("", "{", "[]", "[" * 2000, '{"access_token":{"acrs":{"value":"c2","essential":true}}}'):
        await client.code(claims=sent)
        assert (await client.refresh(token))[0] == 400
    merged = json.loads(CLAIMS)
    merged["access_token"]["xms_cc"] = {"values": ["cp1"]}
    await client.code(claims=json.dumps(merged))
    assert (await client.refresh(token))[0] == 200


async def test_nobody_else_is_refused(client: Client) -> None:
    client.cloud.refuse("bob@contoso.example", 53003)
    client.cloud.refuse("bob@contoso.example", 700082)
    assert (await client.refresh(await refresh_token(client)))[0] == 200


async def test_a_number_that_does_not_refuse_one_person_is_an_error(client: Client) -> None:
    with pytest.raises(ValueError, match=r"7000222 does not refuse one person.*There are: bad_token, 50034"):
        client.cloud.refuse(ALICE, 7000222)


async def test_a_fault_of_the_token_endpoint_meets_only_whom_it_names(client: Client) -> None:
    token = await refresh_token(client)
    fault = client.cloud.faults.entra("invalid_grant", number=50196, user="bob@contoso.example")
    assert (await client.refresh(token))[0] == 200
    fault.user = ALICE
    assert (await client.refresh(token))[1]["error_codes"] == [50196]
    assert client.cloud.requests[-1].user == ALICE


@pytest.mark.parametrize(
    "fields",
    [
        {"refresh_token": ""},
        {"refresh_token": ...},
        {"expires_in": ...},
        {"expires_in": "3599"},
        {"expires_in": 3599.5},
        {"expires_in": 10**400},
        {"scope": None},
    ],
)
async def test_a_token_response_may_be_odd_once(client: Client, fields: dict[str, object]) -> None:
    token = await refresh_token(client)
    client.cloud.faults.token_fields(fields, user=ALICE)
    status, odd = await client.refresh(token)
    assert status == 200
    for name, value in fields.items():
        assert odd.get(name, ...) == value
    assert set(fields) <= set((await client.refresh(token))[1])
