"""Issued codes and tokens, their grants, and their validity."""

import base64
import hashlib
import secrets
import time
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

from iacs.sandbox.directory import Person
from iacs.sandbox.entra.refusals import Refusal

GRAPH_AUDIENCE = "00000003-0000-0000-c000-000000000000"


@dataclass(frozen=True)
class Grant:
    """The permissions of a sign-in, or of the application itself, which has no person."""

    person: Person | None
    scopes: tuple[str, ...]
    tenant_id: str
    nonce: str = ""
    public: bool = False
    """Whether the person signed in without a client secret, so that refreshing needs none either."""
    family: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass
class Issued:
    """The state of an issued code or token; `expires_at` is Unix time."""

    grant: Grant
    expires_at: float
    used: bool = False
    redirect_uri: str = ""
    challenge: str = ""
    challenge_method: str = "plain"


class TokenIssuer:
    """The issuer of codes and tokens; `secrets` has all of them, `private_key` (PEM) signs (default: a new one)."""

    def __init__(self, private_key: str = "") -> None:
        self._private_key = private_key
        self.clear()

    def clear(self) -> None:
        """Forget everything issued so far; the signing key, which takes a tenth of a second to make, stays."""
        self.revoked: set[str] = set()
        self.ended: dict[str, Refusal] = {}
        self.secrets: list[str] = []
        self.codes: dict[str, Issued] = {}
        self.access_tokens: dict[str, Issued] = {}
        self.refresh_tokens: dict[str, Issued] = {}

    @cached_property
    def _key(self) -> RSAPrivateKey:
        if self._private_key:
            loaded = load_pem_private_key(self._private_key.encode(), None)
            assert isinstance(loaded, RSAPrivateKey)  # noqa: S101 -- it is from `private_key`
            return loaded
        return generate_private_key(public_exponent=65537, key_size=2048)

    def private_key(self) -> str:
        """Return the signing key (PEM)."""
        encoding, kind = Encoding.PEM, PrivateFormat.PKCS8
        return self._key.private_bytes(encoding, kind, NoEncryption()).decode()

    @cached_property
    def key_id(self) -> str:
        """The `kid` of the signing key."""
        numbers = self._key.public_key().public_numbers()
        digest = hashlib.sha256(str(numbers.n).encode()).digest()
        return base64.urlsafe_b64encode(digest[:20]).decode().rstrip("=")

    def public_key(self) -> dict[str, Any]:
        """Return the signing key as a JWK."""
        jwk = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.key_id,
            "x5t": self.key_id,
            "n": jwk["n"],
            "e": jwk["e"],
        }

    def _record(self, secret: str) -> str:
        self.secrets.append(secret)
        return secret

    def _sign(self, claims: dict[str, Any]) -> str:
        return self._record(jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.key_id}))

    def code(self, issued: Issued) -> str:
        """Return a new authorization code."""
        code = self._record(f"1.{secrets.token_urlsafe(48)}")
        self.codes[code] = issued
        return code

    def access_token(self, grant: Grant, client_id: str, *, lifetime: int) -> str:
        """Return a new access token, valid for `lifetime` seconds: a signed JWT, or for a personal account no JWT."""
        now = int(time.time())
        person = grant.person
        claims: dict[str, Any] = {
            "aud": GRAPH_AUDIENCE, "iss": f"https://sts.windows.net/{grant.tenant_id}/", "appid": client_id,
            "iat": now, "nbf": now, "exp": now + lifetime,
            "tid": grant.tenant_id, "uti": secrets.token_urlsafe(16), "ver": "1.0",
        }  # fmt: skip
        if person:
            claims |= {"oid": person.object_id, "upn": person.username, "scp": " ".join(grant.scopes)}
        personal = person is not None and person.is_personal
        token = self._record(f"EwB{secrets.token_urlsafe(600)}") if personal else self._sign(claims)
        self.access_tokens[token] = Issued(grant, claims["exp"])
        return token

    def refresh_token(self, grant: Grant) -> str:
        """Return a new refresh token of the grant's family."""
        token = self._record(f"1.{secrets.token_urlsafe(96)}")
        self.refresh_tokens[token] = Issued(grant, time.time() + 90 * 86400)
        return token

    def id_token(self, grant: Grant, *, issuer: str, client_id: str) -> str:
        """Return a signed id token for the person who signed in."""
        person = grant.person
        if person is None:
            raise ValueError("an application has no id token")
        now = int(time.time())
        subject = uuid.uuid5(uuid.UUID(person.object_id), client_id).hex
        claims = {
            "aud": client_id, "iss": issuer, "iat": now, "nbf": now, "exp": now + 3600,
            "name": person.name, "oid": person.object_id, "preferred_username": person.username,
            "sub": subject, "tid": grant.tenant_id, "uti": secrets.token_urlsafe(16), "ver": "2.0",
        }  # fmt: skip
        claims |= {"nonce": grant.nonce} if grant.nonce else {}
        claims = {name: value for name, value in (claims | dict(person.claims)).items() if value is not ...}
        return self._sign(claims)

    def is_valid(self, issued: Issued) -> bool:
        """Return whether a code or token is neither expired nor revoked."""
        return issued.expires_at > time.time() and not self.is_revoked(issued)

    def is_revoked(self, issued: Issued) -> bool:
        """Return whether the sign-in of a code or token was revoked."""
        return issued.grant.family in self.revoked

    def revoke_family(self, family: str) -> None:
        """Revoke a sign-in with all of its tokens."""
        self.revoked.add(family)

    def revoke(self, person: Person) -> None:
        """End every sign-in of a person, as an administrator's "revoke sessions" does."""
        self.revoked |= self._families(person)

    def end_refresh_tokens(self, person: Person, refusal: Refusal) -> None:
        """Refuse the refresh tokens that a person has; their access tokens stay valid."""
        self.ended |= dict.fromkeys(self._families(person), refusal)

    def end(self, issued: Issued) -> Refusal | None:
        """Return the refusal that ended a refresh token."""
        return self.ended.get(issued.grant.family)

    def _families(self, person: Person) -> set[str]:
        issued = (*self.refresh_tokens.values(), *self.access_tokens.values(), *self.codes.values())
        grants = (one.grant for one in issued)
        return {
            grant.family for grant in grants if grant.person and grant.person.object_id == person.object_id
        }

    def person(self, secret: str) -> Person | None:
        """Return the person to whom a code or refresh token was issued."""
        issued = self.codes.get(secret) or self.refresh_tokens.get(secret)
        return issued.grant.person if issued else None

    def expire_access_tokens(self) -> None:
        """Expire every access token issued so far."""
        for issued in self.access_tokens.values():
            issued.expires_at = 0.0
