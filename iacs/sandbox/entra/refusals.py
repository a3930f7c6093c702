"""Refusals by person: what Entra ID says, which requests it refuses, and what ends that."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from iacs.sandbox.entra.errors import EntraError

RefusalCode = int | Literal["bad_token"]
"""An AADSTS number, or the suberror of a refresh token that is invalid."""


@dataclass(frozen=True)
class Refusal:
    """A refusal that Entra ID repeats to one person.

    It ends with a sign-in that satisfies `claims` (JSON), or when the person is allowed again.
    """

    number: int
    message: str
    suberror: str = ""
    claims: str = ""
    blocks: bool = False
    """Whether signing in is refused as well, so that only an administrator can end it."""
    ends_tokens: bool = False
    """Whether it is the earlier refresh tokens that are refused, for good; a new sign-in gives valid ones."""

    def error(self, kind: str = "invalid_grant") -> EntraError:
        """Return the response of the token endpoint."""
        return EntraError(kind, self.number, self.message, suberror=self.suberror, claims=self.claims)


def _blocks(number: int, message: str, suberror: str = "") -> Refusal:
    return Refusal(number, message, suberror, blocks=True)


def _ends(number: int, message: str, suberror: str = "") -> Refusal:
    return Refusal(number, message, suberror, ends_tokens=True)


def _table() -> Iterator[Refusal]:
    """Yield the refusals of the error-code reference that concern one person."""
    action = "basic_action"
    yield _blocks(50034, "The user account does not exist in the directory.")
    yield _blocks(50057, "The user account is disabled.")
    yield _blocks(50105, "The signed in user is not assigned to a role for the application.")
    yield _blocks(53000, "Your device is required to be compliant to access this resource.", "message_only")
    yield _blocks(53003, "Access has been blocked by Conditional Access policies.", "message_only")
    yield Refusal(50055, "The password is expired.", "user_password_expired")
    yield Refusal(50072, "The user must enroll for multi-factor authentication.", action)
    yield Refusal(50074, "Strong authentication is required.", action)
    yield Refusal(
        50076,
        "Due to a configuration change made by your administrator, or because you moved to a new location,"
        " you must use multi-factor authentication.",
        action,
    )
    yield Refusal(50078, "Presented multi-factor authentication has expired due to policies.", action)
    yield Refusal(50079, "The user must enroll in multi-factor authentication.", action)
    yield Refusal(
        65001, "The user or administrator has not consented to use the application.", "consent_required"
    )
    yield _ends(50089, "Authentication failed due to flow token expired.")
    yield _ends(50132, "The session is not valid because of password expiration or recent password change.")
    yield _ends(50133, "The session is not valid because of password expiration or recent password change.")
    yield _ends(
        50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed."
    )
    yield _ends(70008, "The provided authorization code or refresh token has expired due to inactivity.")
    yield _ends(70043, "The refresh token has expired or is invalid due to sign-in frequency checks.")
    yield _ends(700082, "The refresh token has expired due to inactivity.")
    yield _ends(700084, "The refresh token was issued to a single page app, and has a fixed lifetime.")


REFUSALS: Mapping[RefusalCode, Refusal] = {
    "bad_token": _ends(9002313, "The refresh token is malformed or was not issued here.", "bad_token"),
    **{refusal.number: refusal for refusal in _table()},
}


def find_refusal(code: RefusalCode, claims: str = "") -> Refusal:
    """Return the refusal with this code; raise ValueError if it is unknown."""
    if code not in REFUSALS:
        known = ", ".join(map(str, REFUSALS))
        raise ValueError(
            f"{code} does not refuse one person; script it with faults.entra. There are: {known}"
        )
    return replace(REFUSALS[code], claims=claims)


def satisfies(sent: str, required: str) -> bool:
    """Return whether the `claims` of a sign-in contain the required ones; both are JSON objects or empty."""
    if not required:
        return True
    try:
        return _contains(json.loads(sent or "{}"), json.loads(required))
    except (ValueError, RecursionError):
        return False


def _contains(sent: Any, required: Any) -> bool:
    if not isinstance(required, dict) or not isinstance(sent, dict):
        return bool(sent == required)
    return all(name in sent and _contains(sent[name], value) for name, value in required.items())
