"""Who may sign in to an account."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from iacs.auth import Directory
from iacs.auth.person import check_person
from iacs.core.exceptions import APIConnectionError, AuthenticationError
from iacs.core.http_client import HttpClient
from iacs.core.oauth_client import Identity
from tests.fixtures.identity import OBJECT_ID, OTHER_GUID, TENANT_ID, Answer, ScriptedServer

ALICE = "alice@contoso.example"
NAME = "a12345@corp.contoso.example"
GUEST = "alice_contoso.example#EXT#@fabrikam.onmicrosoft.example"
AGAIN = "0d0d0d0d-0000-4000-8000-00000000000b"


@dataclass(frozen=True)
class Account:
    id: str = "an-id"
    email: str = ALICE
    name: str = ""
    status: str = "enrolled"
    tenant_id: str = ""
    username: str = ""
    access: str = "delegated"
    via: str = ""
    object_id: str | None = None
    directory_id: str | None = None


def identity(username: str = NAME, *, own_tenant: bool = True, **fields: Any) -> Identity:
    values = {"object_id": OBJECT_ID, "directory_id": TENANT_ID} | fields
    return Identity(username=username, own_tenant=own_tenant, **values)


async def check(account: Account, person: Identity, *listed: str) -> None:
    async def addresses() -> frozenset[str]:
        return frozenset(listed)

    await check_person(account, person, addresses)


LINKED = Account(object_id=OBJECT_ID, directory_id=TENANT_ID)


@pytest.mark.parametrize(
    ("account", "person", "listed"),
    [
        (Account(), identity("Alice@Contoso.example"), ()),
        (Account(), identity("alice@contoso.example", own_tenant=False), ()),
        (Account(), identity(email="Alice@contoso.example"), ()),
        (Account(), identity(), (NAME, ALICE)),
        (Account(), identity(GUEST), (ALICE,)),
        (Account(), identity(""), (ALICE,)),
        (Account(username=NAME), identity(), ()),
        (Account(username=NAME), identity(own_tenant=False), ()),
        (LINKED, identity("renamed@contoso.example", own_tenant=False), ()),
        (
            Account(object_id=AGAIN, directory_id=OTHER_GUID, tenant_id=TENANT_ID),
            identity(email=ALICE),
            (),
        ),
    ],
)
async def test_the_owner_is_accepted(account: Account, person: Identity, listed: tuple[str, ...]) -> None:
    await check(account, person, *listed)


@pytest.mark.parametrize(
    ("account", "person", "listed", "sentence"),
    [
        (
            Account(),
            identity("bob@contoso.example"),
            ("bob@contoso.example",),
            "lists bob@contoso.example for",
        ),
        (Account(), identity(""), (), "a person without a sign-in name .* lists no address"),
        (Account(), identity(email=ALICE, own_tenant=False), (ALICE,), f"tenant_id: {TENANT_ID}"),
        (Account(username=NAME), identity(ALICE), (ALICE,), f"{ALICE} signed in, not {NAME}"),
        (Account(username=NAME), identity(""), (ALICE,), f"not {NAME}"),
        (LINKED, identity(ALICE, object_id=AGAIN), (), f"iacs account relink {ALICE}"),
        (LINKED, identity(ALICE, directory_id=OTHER_GUID), (), f"was {OBJECT_ID} in {TENANT_ID}"),
        (LINKED, identity("bob@contoso.example", object_id=AGAIN), (), "sign out of Microsoft"),
        (
            Account(object_id=AGAIN, directory_id=OTHER_GUID, tenant_id="common"),
            identity(email=ALICE, own_tenant=False),
            (ALICE,),
            "not the owner of",
        ),
    ],
)
async def test_anybody_else_is_refused_with_what_to_do(
    account: Account, person: Identity, listed: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(AuthenticationError) as caught:
        await check(account, person, *listed)
    assert re.search(sentence, caught.value.message_with_hint)


async def addresses(server: ScriptedServer, http: HttpClient, answer: Answer) -> frozenset[str]:
    server.answer("/v1.0/me", answer)
    directory = Directory(http, graph_url=f"{server.url}/v1.0/")
    return await directory.addresses(SecretStr("the-token"), object_id=OBJECT_ID)


async def test_the_addresses_of_a_profile_are_those_of_mail(server: ScriptedServer, http: HttpClient) -> None:
    profile = {
        "id": OBJECT_ID,
        "mail": "Alice@Contoso.example",
        "userPrincipalName": NAME,
        "proxyAddresses": [
            "SMTP:alice@contoso.example",
            "smtp:Second@contoso.example",
            "X500:/o=x/cn=a@b",
            7,
        ],
        "otherMails": ["alice@home.example", "", None],
    }
    assert await addresses(server, http, Answer(body=profile)) == {
        ALICE,
        NAME,
        "second@contoso.example",
        "alice@home.example",
    }
    request = server.requests[0]
    assert request.query["$select"] == "id,mail,userPrincipalName,proxyAddresses,otherMails"
    assert request.headers["Authorization"] == "Bearer the-token"


@pytest.mark.parametrize("profile", [{"mail": ALICE}, {"id": OTHER_GUID, "mail": ALICE}])
async def test_the_profile_of_somebody_else_has_no_addresses(
    server: ScriptedServer, http: HttpClient, profile: dict[str, str]
) -> None:
    assert await addresses(server, http, Answer(body=profile)) == frozenset()


@pytest.mark.parametrize("status", [400, 404])
async def test_a_profile_without_these_fields_has_no_addresses(
    server: ScriptedServer, http: HttpClient, status: int
) -> None:
    assert await addresses(server, http, Answer(status, {})) == frozenset()


@pytest.mark.parametrize("answer", [Answer(403, {}), Answer(503, ""), Answer(200, "<html>"), Answer(200, [])])
async def test_a_profile_that_cannot_be_read_is_an_error(
    server: ScriptedServer, http: HttpClient, answer: Answer
) -> None:
    with pytest.raises(APIConnectionError, match=f"HTTP {answer.status}"):
        await addresses(server, http, answer)
