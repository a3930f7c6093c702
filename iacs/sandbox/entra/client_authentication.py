"""Client authentication: a secret in the body, HTTP Basic, or a signed assertion."""

import base64
import binascii
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote_plus, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from iacs.sandbox.cloud import Registration
from iacs.sandbox.entra.errors import EntraError, required

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_THUMBPRINTS = {"x5t#S256": hashes.SHA256(), "x5t": hashes.SHA1()}  # noqa: S303 -- as Entra ID accepts it


def _refused(number: int, message: str) -> EntraError:
    return EntraError("invalid_client", number, message, status=401)


def _basic(header: str) -> tuple[str, str]:
    """Return id and secret; both are form-encoded before they are joined (RFC 6749, 2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _refused(7000215, "The Authorization header is not HTTP Basic.") from None
    return unquote_plus(client_id), unquote_plus(secret)


def _verified_claims(assertion: str, certificates: list[bytes]) -> dict[str, object]:
    """Return the claims; the header's thumbprint may be padded or not, and of either kind: azure-identity sends x5t."""
    header = jwt.get_unverified_header(assertion)
    name = "x5t#S256" if "x5t#S256" in header else "x5t"
    thumbprint = str(header.get(name, "")).rstrip("=")
    for pem in certificates:
        certificate = x509.load_pem_x509_certificate(pem)
        digest = base64.urlsafe_b64encode(certificate.fingerprint(_THUMBPRINTS[name]))
        if digest.decode().rstrip("=") == thumbprint:
            _check_validity(certificate, thumbprint)
            key = certificate.public_key()
            algorithms, checks = ["PS256", "RS256"], {"verify_aud": False, "verify_iat": False}
            return jwt.decode(assertion, key=key, algorithms=algorithms, options=checks)  # type: ignore[arg-type]
    if certificates:
        raise _refused(700027, f"The key was not found. Thumbprint of key used by client: '{thumbprint}'.")
    return jwt.decode(assertion, options={"verify_signature": False})


def _check_validity(certificate: x509.Certificate, thumbprint: str) -> None:
    if certificate.not_valid_after_utc <= datetime.now(UTC):
        raise _refused(
            700027,
            "The certificate with identifier used to sign the client assertion is expired on application. "
            f"[Reason - The key used is expired., Thumbprint of key used by client: '{thumbprint}'.",
        )


def _check_assertion(registration: Registration, assertion: str) -> None:
    """Check an assertion, as sent by Microsoft's own library: float times, no `nbf`, any host in the audience."""
    try:
        claims = _verified_claims(assertion, registration.certificates)
    except jwt.InvalidTokenError as error:
        raise _refused(700027, f"Client assertion failed signature or claim validation: {error}.") from None
    if not claims.get("iss") == claims.get("sub") == registration.client_id:
        raise _refused(700027, "Client assertion must have the application's id as 'iss' and 'sub'.")
    if not urlsplit(str(claims.get("aud"))).path.endswith(("/oauth2/v2.0/token", "/v2.0")):
        raise _refused(700023, "Client assertion audience claim does not match this token endpoint.")
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or expires < time.time():
        raise _refused(700024, "Client assertion is not within its valid time range.")


def authenticate(registration: Registration, form: Mapping[str, object], authorization: str) -> bool:
    """Check the client; return whether it sent a credential.

    Raises EntraError for another client or a wrong credential.
    """
    basic_id, secret = _basic(authorization)
    client_id = basic_id or required(form, "client_id")
    if client_id != registration.client_id:
        message = f"Application with identifier '{client_id}' was not found in the directory."
        raise EntraError("unauthorized_client", 700016, message)
    if form.get("client_assertion_type") == _ASSERTION_TYPE:
        _check_assertion(registration, required(form, "client_assertion"))
        return True
    secret = secret or str(form.get("client_secret") or "")
    if secret:
        _check_secret(registration, secret)
    return bool(secret)


def _check_secret(registration: Registration, secret: str) -> None:
    known = next((known for known in registration.secrets if known.value == secret), None)
    if known is None:
        raise _refused(7000215, "Invalid client secret provided.")
    if known.expires_at <= time.time():
        message = f"The provided client secret keys for app '{registration.client_id}' are expired."
        raise _refused(7000222, message)
