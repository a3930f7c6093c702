"""The validation of id tokens: every check that entra-docs' id-token-claims-reference requires."""

import hmac
from collections.abc import Mapping
from typing import Any

import jwt
from pydantic import SecretStr

from iacs.core._oauth.authority import SigningKey
from iacs.core._oauth.tenant import is_directory_id
from iacs.core._oauth.tokens import Identity
from iacs.core.exceptions import InvalidIdTokenError

_LEEWAY = 60.0
_REQUIRED = ["aud", "exp", "iat", "iss", "oid", "sub", "tid"]


def key_id(token: SecretStr) -> str:
    """Return the id of the key that signed a token, which is not verified yet; RS256 is the only algorithm."""
    try:
        header = jwt.get_unverified_header(token.get_secret_value())
    except (jwt.InvalidTokenError, RecursionError):
        raise _invalid("is not a signed JWT") from None
    if header.get("alg") != "RS256":
        raise _invalid("is not signed with RS256")
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise _invalid("does not name its key")
    return kid


def validate(
    token: SecretStr, *, key: SigningKey | None, issuer: str, client_id: str, nonce: str | None
) -> Identity:
    """Return the person that a token identifies; InvalidIdTokenError says which check failed.

    `issuer` is the metadata's, perhaps with `{tenantid}`; without a `nonce` none is expected.
    """
    if key is None:
        raise _invalid("is signed with a key that Entra ID does not publish")
    claims = _verified(token, key, client_id)
    directory = _directory(claims)
    _check_issuer(claims, directory, issuer, key)
    given = claims.get("nonce")
    if nonce is not None and not (
        isinstance(given, str) and hmac.compare_digest(given.encode(), nonce.encode())
    ):
        raise _invalid("belongs to another sign-in: its nonce differs")
    object_id = claims["oid"]
    if not isinstance(object_id, str) or not object_id:
        raise _invalid("has an oid that is not text")
    return Identity(
        object_id=object_id,
        directory_id=directory,
        subject=_text(claims, "sub"),
        username=_text(claims, "preferred_username"),
        name=_text(claims, "name"),
        email=_text(claims, "email"),
        own_tenant="{tenantid}" not in issuer,
    )


def _verified(token: SecretStr, key: SigningKey, client_id: str) -> Mapping[str, Any]:
    try:
        public = jwt.PyJWK.from_dict(dict(key), algorithm="RS256").key
        claims: Mapping[str, Any] = jwt.decode(
            token.get_secret_value(),
            public,
            algorithms=["RS256"],
            audience=client_id,
            leeway=_LEEWAY,
            # The issuer depends on the token's tenant; it is compared afterwards.
            options={"require": _REQUIRED, "strict_aud": True, "verify_iss": False},
        )
    except jwt.PyJWTError as error:
        raise _invalid(*_problem_and_remedy(error)) from None
    return claims


def _problem_and_remedy(error: jwt.PyJWTError) -> tuple[str, str]:
    match error:
        case jwt.InvalidSignatureError():
            return "has a signature that does not match", ""
        case jwt.ExpiredSignatureError():
            return "has expired", "check this machine's clock"
        case jwt.ImmatureSignatureError():
            return "is not valid yet", "check this machine's clock"
        case jwt.InvalidAudienceError():
            return "is meant for another application: its aud is not AZURE_CLIENT_ID", ""
        case jwt.MissingRequiredClaimError():
            remedy = "add profile to AZURE_SCOPES" if error.claim == "oid" else ""
            return f"lacks the claim {error.claim}", remedy
        case jwt.PyJWKError() | jwt.InvalidKeyError():
            return "is signed with a key that is not an RSA key", ""
    return "is malformed: one of its claims has a wrong type", ""


def _directory(claims: Mapping[str, Any]) -> str:
    value = claims["tid"]
    if not isinstance(value, str) or not is_directory_id(value):
        raise _invalid("has a tid that is not a GUID")
    return value


def _check_issuer(claims: Mapping[str, Any], directory: str, issuer: str, key: SigningKey) -> None:
    stated = claims["iss"]
    if stated != issuer.replace("{tenantid}", directory):
        raise _invalid("comes from another issuer than the metadata name")
    if directory not in stated.split("/"):
        raise _invalid("comes from the issuer of another directory than its tid")
    of_key = key.get("issuer")
    if of_key is not None and stated != str(of_key).replace("{tenantid}", directory):
        raise _invalid("is signed with a key of another issuer")


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _invalid(problem: str, remedy: str = "") -> InvalidIdTokenError:
    hint = "; ".join(filter(None, (remedy, "start the sign-in again")))
    return InvalidIdTokenError(f"the id token {problem}", hint=hint)
