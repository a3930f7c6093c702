"""Answers of the token endpoint in which something is missing or odd, and that say enough all the same."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from iacs.core.oauth_client import TokenSet
from tests.fixtures.identity import ScriptedEntra, grant

TEN_MINUTES, A_WEEK = 600, 604_800


def answered(text: str = "", **fields: Any) -> TokenSet:
    body = json.dumps({"token_type": "Bearer", "access_token": "a", "expires_in": 3600} | fields)
    return TokenSet.from_json((body[:-1] + text + "}").encode())


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        (3600, 3600),
        ("3600", 3600),
        (3599.9, 3599),
        ("3599.9", 3599),
        (" 60 ", 60),
        (10**12, A_WEEK),
        (10**400, A_WEEK),
        ("1e400", A_WEEK),
        (None, TEN_MINUTES),
        (0, TEN_MINUTES),
        (-1, TEN_MINUTES),
        ("", TEN_MINUTES),
        ("an hour", TEN_MINUTES),
        ("NaN", TEN_MINUTES),
        (True, TEN_MINUTES),
        ([3600], TEN_MINUTES),
        ({}, TEN_MINUTES),
    ],
)
def test_a_lifetime_is_read_or_counts_as_missing(stated: Any, seconds: int) -> None:
    assert answered(expires_in=stated).expires_in == seconds


def test_without_a_lifetime_a_token_is_renewed_after_ten_minutes() -> None:
    assert TokenSet.from_json(b'{"access_token": "a"}').expires_in == TEN_MINUTES


def test_a_number_too_large_for_a_float_is_read() -> None:
    assert answered(', "refresh_in": 1e400').refresh_in == A_WEEK


@pytest.mark.parametrize(
    ("stated", "seconds"), [(1800, 1800), ("1800", 1800), (0, None), (None, None), ("soon", None)]
)
def test_an_early_renewal_is_read_or_counts_as_missing(stated: Any, seconds: int | None) -> None:
    assert answered(refresh_in=stated).refresh_in == seconds


@pytest.mark.parametrize("name", ["refresh_token", "id_token"])
@pytest.mark.parametrize("stated", ["", " ", None, 7, [], {}])
def test_a_token_that_is_empty_or_not_text_counts_as_missing(name: str, stated: Any) -> None:
    assert getattr(answered(**{name: stated}), name) is None


@pytest.mark.parametrize(
    ("stated", "scope"), [("Mail.Read", "Mail.Read"), (None, ""), (["a", "b", 1], "a b"), (7, ""), ({}, "")]
)
def test_a_scope_is_text(stated: Any, scope: str) -> None:
    assert answered(scope=stated).scope == scope


@pytest.mark.parametrize("stated", ["Bearer", "bearer", "", None])
def test_a_bearer_token_may_lack_its_type(stated: Any) -> None:
    assert answered(token_type=stated).token_type.lower() == "bearer"


@pytest.mark.parametrize(
    ("graph_url", "resource"),
    [
        ("https://graph.microsoft.com/v1.0", "https://graph.microsoft.com"),
        ("https://graph.microsoft.us/v1.0", "https://graph.microsoft.us"),
        ("http://127.0.0.1:8080/v1.0", "https://graph.microsoft.com"),
    ],
)
async def test_a_renewal_names_the_resource_of_each_permission(
    entra: ScriptedEntra, graph_url: str, resource: str
) -> None:
    entra.server.answer(entra.token_path, grant())
    scopes = "openid offline_access Mail.Read Mail.ReadWrite.Shared api://mine/Read.All api:read"
    await entra.client(scopes=scopes, graph_url=graph_url).refresh(SecretStr("r"))
    assert entra.server.received(entra.token_path)[0].form["scope"] == (
        f"openid offline_access {resource}/Mail.Read {resource}/Mail.ReadWrite.Shared"
        " api://mine/Read.All api:read"
    )
