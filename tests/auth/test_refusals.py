"""Sign-ins in which one thing is wrong; only on SQLite, since the database plays no part in them."""

from collections.abc import Mapping

import pytest
from pydantic import SecretStr

from iacs.auth import AuthorizationCallback
from iacs.core.exceptions import (
    APIConnectionError,
    AuthenticationError,
    IACSGraphError,
    InvalidIdTokenError,
    OperatorRequiredError,
    SignInRequiredError,
)
from tests.fixtures.sign_in import ALICE, BOB, Identity, changed

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        ("access_denied", AuthenticationError, "declined"),
        ("interaction_required", SignInRequiredError, "sign in again"),
        ("invalid_request", OperatorRequiredError, "will not help"),
        ("server_error", APIConnectionError, "try again later"),
    ],
)
async def test_an_error_in_the_callback_is_reported(
    identity: Identity, error: str, kind: type[IACSGraphError], sentence: str
) -> None:
    request = await identity.auth.begin(ALICE)
    callback = AuthorizationCallback(state=request.state, error=error, error_description="AADSTS1: Why. More")
    with pytest.raises(kind, match=sentence) as caught:
        await identity.auth.complete(callback)
    assert f"sign {ALICE} in" in str(caught.value)


MUTANTS: list[tuple[Mapping[str, str], type[IACSGraphError], str]] = [
    ({"login_hint": BOB}, AuthenticationError, "not the owner of"),
    ({"nonce": "another"}, InvalidIdTokenError, "nonce differs"),
    ({"nonce": ""}, InvalidIdTokenError, "nonce differs"),
    ({"state": "another"}, AuthenticationError, "unknown"),
    ({"state": ""}, AuthenticationError, "unknown"),
    ({"code_challenge": "A" * 43}, SignInRequiredError, "AADSTS501481"),
    ({"code_challenge_method": "plain"}, SignInRequiredError, "AADSTS501481"),
    ({"redirect_uri": "http://localhost:9999/x"}, SignInRequiredError, "AADSTS500112"),
]


@pytest.mark.parametrize(("changes", "kind", "sentence"), MUTANTS)
async def test_a_changed_parameter_is_refused(
    identity: Identity, changes: Mapping[str, str], kind: type[IACSGraphError], sentence: str
) -> None:
    request = await identity.auth.begin(ALICE)
    with pytest.raises(kind, match=sentence):
        await identity.auth.complete(await identity.visit(changed(request.url, **changes)))
    with pytest.raises(SignInRequiredError):
        await identity.token_service.access_token(identity.account_ids[ALICE])
    assert (await identity.accounts.get(ALICE)).object_id is None


async def test_a_changed_code_is_refused(identity: Identity) -> None:
    callback = await identity.visit((await identity.auth.begin(ALICE)).url)
    with pytest.raises(SignInRequiredError, match="AADSTS70000"):
        await identity.auth.complete(callback.model_copy(update={"code": SecretStr("1.forged")}))
