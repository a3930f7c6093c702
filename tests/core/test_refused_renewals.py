"""Renewals that Entra ID refuses: which refusals end a grant, and how the others are tried again."""

import time

import pytest
from pydantic import SecretStr

from iacs.core.exceptions import AuthenticationError, InvalidIdTokenError, SignInRequiredError
from iacs.core.oauth_client import TokenSet
from tests.fixtures.sign_in import ALICE, BOB, Identity

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'


class Clock:
    """The monotonic clock of the pauses, which the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        start = time.monotonic()
        monkeypatch.setattr("iacs.core._tokens.pauses.time.monotonic", lambda: start + self.seconds)


@pytest.mark.parametrize(
    ("error", "number", "suberror"),
    [
        ("invalid_grant", 53003, "message_only"),
        ("invalid_grant", 530036, ""),
        ("invalid_grant", 50057, ""),
        ("invalid_grant", 50034, ""),
        ("invalid_grant", 50055, "user_password_expired"),
        ("invalid_grant", 65001, "consent_required"),
        ("consent_required", 65001, ""),
        ("interaction_required", 50076, "basic_action"),
        ("interaction_required", 50079, "basic_action"),
        ("interaction_required", 50105, ""),
        ("login_required", 50058, ""),
        ("unauthorized_client", 7000112, ""),
        ("invalid_client", 7000222, ""),
        ("something_new", 999999, ""),
    ],
)
async def test_a_refusal_that_somebody_may_lift_keeps_the_refresh_token(
    identity: Identity, alice: str, error: str, number: int, suberror: str
) -> None:
    identity.expire()
    before = identity.row(ALICE)
    identity.cloud.faults.entra(error, number=number, suberror=suberror)
    with pytest.raises(AuthenticationError, match=f"AADSTS{number}") as caught:
        await identity.another_process().access_token(alice)
    assert getattr(caught.value, "kept", True)
    assert identity.row(ALICE) == before
    await identity.another_process().access_token(alice)
    assert identity.token_requests() == 2


@pytest.mark.parametrize(
    ("number", "suberror"),
    [
        (50173, ""),
        (700082, ""),
        (70008, ""),
        (50089, ""),
        (50132, ""),
        (50133, ""),
        (70043, ""),
        (700084, ""),
        (53003, "bad_token"),
        (1, "token_expired"),
    ],
)
async def test_a_refusal_of_the_token_itself_ends_the_grant(
    identity: Identity, alice: str, number: int, suberror: str
) -> None:
    identity.expire()
    identity.cloud.faults.entra("invalid_grant", number=number, suberror=suberror, claims=CLAIMS)
    with pytest.raises(SignInRequiredError) as caught:
        await identity.another_process().access_token(alice)
    assert not caught.value.kept
    assert identity.row(ALICE) is None
    assert await identity.token_service.claims(alice) == CLAIMS


async def test_the_pauses_after_refusals_grow(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    identity.expire()
    identity.cloud.faults.entra("invalid_grant", number=53003, times=None)
    service = identity.another_process()
    requested: list[int] = []
    for second in range(60):
        clock.seconds = second
        with pytest.raises(SignInRequiredError, match="AADSTS53003"):
            await service.access_token(alice)
        if identity.token_requests() > len(requested):
            requested.append(second)
    assert requested == [0, 3, 9, 21, 45]


async def test_a_pause_is_at_most_a_quarter_of_an_hour(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    identity.expire()
    identity.cloud.faults.entra("invalid_grant", number=53003, times=100)
    service = identity.another_process()
    for number in range(100):
        clock.seconds += 901
        with pytest.raises(SignInRequiredError):
            await service.access_token(alice)
        assert identity.token_requests() == number + 1
    clock.seconds += 901
    await service.access_token(alice)


async def test_a_retry_does_not_wait_and_other_processes_notice_it(identity: Identity, alice: str) -> None:
    identity.expire()
    identity.cloud.faults.entra("invalid_grant", number=53003, times=2)
    services = [identity.another_process(), identity.another_process()]
    for service in services:
        with pytest.raises(SignInRequiredError):
            await service.access_token(alice)
    renewed = await services[0].retry(alice)
    assert await services[1].access_token(alice) == renewed
    assert identity.token_requests() == 3


async def test_a_valid_access_token_serves_while_renewals_are_refused(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    before = await identity.token_service.access_token(alice)
    identity.age(expires_in=600, refresh_in=-1)
    identity.cloud.faults.entra("interaction_required", number=50076)
    service = identity.another_process()
    assert [await service.access_token(alice) for _ in range(3)] == [before] * 3
    assert identity.token_requests() == 1
    clock.seconds = 4
    assert await identity.another_process().access_token(alice) != before


async def test_the_claims_of_a_refusal_are_kept_until_the_next_sign_in(
    identity: Identity, alice: str
) -> None:
    identity.expire()
    identity.cloud.faults.entra("interaction_required", number=50076, claims=CLAIMS)
    identity.cloud.faults.entra("invalid_grant", number=53003)
    for _ in range(2):
        with pytest.raises(SignInRequiredError):
            await identity.another_process().access_token(alice)
    assert await identity.another_process().claims(alice) == CLAIMS
    assert not await identity.token_service.holds(alice)
    await identity.sign_in(ALICE)
    assert await identity.token_service.claims(alice) == ""
    assert await identity.token_service.holds(alice)


async def test_the_challenge_of_a_renewal_that_was_refused_is_for_the_next_sign_in(
    identity: Identity, alice: str
) -> None:
    service = identity.another_process()
    await service.reject(alice, await service.access_token(alice), claims=CLAIMS)
    identity.cloud.faults.entra("interaction_required", number=50076)
    with pytest.raises(SignInRequiredError):
        await service.access_token(alice)
    assert await identity.token_service.claims(alice) == CLAIMS


async def test_a_sign_out_forgets_the_claims(identity: Identity, alice: str) -> None:
    identity.expire()
    identity.cloud.faults.entra("interaction_required", number=50076, claims=CLAIMS)
    with pytest.raises(SignInRequiredError):
        await identity.token_service.access_token(alice)
    await identity.token_service.delete(alice)
    assert await identity.token_service.claims(alice) == ""


async def test_a_renewal_for_another_person_is_refused(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh = identity.oauth_client.refresh
    bobs = (await identity.auth.begin(BOB)).url
    callback = await identity.visit(bobs)
    tokens: list[TokenSet] = []
    exchange = identity.oauth_client.exchange_code

    async def note(*args: object, **kwargs: object) -> TokenSet:
        tokens.append(await exchange(*args, **kwargs))  # type: ignore[arg-type]
        return tokens[0]

    monkeypatch.setattr(identity.oauth_client, "exchange_code", note)
    await identity.auth.complete(callback)

    async def renew_bob(refresh_token: SecretStr, **options: str) -> TokenSet:
        assert tokens[0].refresh_token
        return await refresh(tokens[0].refresh_token, **options)

    identity.expire()
    before = identity.row(ALICE)
    monkeypatch.setattr(identity.oauth_client, "refresh", renew_bob)
    with pytest.raises(InvalidIdTokenError, match="another person"):
        await identity.token_service.access_token(alice)
    assert identity.row(ALICE) == before
    monkeypatch.setattr(identity.oauth_client, "refresh", refresh)
    await identity.another_process().access_token(alice)


async def test_tokens_are_renewed_where_the_person_signed_in(identity: Identity, alice: str) -> None:
    identity.expire()
    await identity.another_process().access_token(alice, tenant_id="")
    assert identity.cloud.requests[-1].path.split("/")[1] == identity.cloud.tenant_id


async def test_a_corrected_tenant_takes_effect_at_once(identity: Identity, alice: str) -> None:
    identity.expire()
    await identity.another_process().access_token(alice, tenant_id="contoso.example")
    requests = [request for request in identity.cloud.requests if request.grant_type == "refresh_token"]
    assert requests[-1].path.split("/")[1] == "contoso.example"
