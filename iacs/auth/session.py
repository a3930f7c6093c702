"""A sign-in in progress: its nonce and PKCE verifier, encrypted in the database under a hash of its state."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from iacs.core import clock
from iacs.core.encryption import Encryption
from iacs.core.transaction import Row

_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class AuthSession:
    """A sign-in in progress; what is stored of it in plain text is not enough to complete it."""

    account: str
    redirect_uri: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    expires_at: datetime
    tenant_id: str = ""
    claims: str = ""
    scopes: str = ""

    @classmethod
    def new(
        cls, account: str, redirect_uri: str, *, tenant_id: str = "", claims: str = "", scopes: str = ""
    ) -> "AuthSession":
        """Return a new sign-in with a random nonce and verifier (RFC 7636: 43 to 128 characters)."""
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
        expires_at = clock.now() + _LIFETIME
        return cls(account, redirect_uri, nonce, verifier, expires_at, tenant_id, claims, scopes)

    @classmethod
    async def from_row(cls, row: Row, encryption: Encryption) -> "AuthSession":
        """Return the sign-in that `row` stored; raises the errors of Encryption.decrypt."""
        secret = json.loads(await encryption.decrypt(row["secret"], context=_context(row["state_hash"])))
        expires_at = clock.from_text(row["expires_at"])
        return cls(redirect_uri=row["redirect_uri"], expires_at=expires_at, **secret)

    @property
    def challenge(self) -> str:
        """Return the verifier's S256 challenge."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    async def row(self, state: str, account_id: str, encryption: Encryption) -> dict[str, str]:
        """Return the row that stores this sign-in under a hash of `state`."""
        hashed = hash_secret(state)
        names = ("account", "nonce", "verifier", "tenant_id", "claims", "scopes")
        secret = json.dumps({name: getattr(self, name) for name in names})
        return {
            "state_hash": hashed,
            "account_id": account_id,
            "secret": await encryption.encrypt(secret, context=_context(hashed)),
            "redirect_uri": self.redirect_uri,
            "created_at": clock.to_text(clock.now()),
            "expires_at": clock.to_text(self.expires_at),
        }


def hash_secret(secret: str) -> str:
    """Return the hash of a state, which is all that the database stores of it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _context(state_hash: str) -> str:
    return f"auth_session:{state_hash}"
