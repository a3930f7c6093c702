"""The key of one record, which encrypts and decrypts texts without waiting for the key provider."""

import base64
import json
from dataclasses import dataclass, field

from iacs.core._encryption import sealing
from iacs.core.exceptions import DatabaseError
from iacs.core.key_provider import WrappedKey

_HINT = "sign out and sign in again"


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of the record `context`; `wrapped` is what may be stored of it."""

    context: str
    wrapped: WrappedKey
    key: bytes = field(repr=False)

    def encrypt(self, text: str) -> str:
        """Encrypt a text for this record."""
        sealed = sealing.seal(self.key, json.dumps(text).encode(), context=self.context)
        return base64.urlsafe_b64encode(sealed).decode()

    def decrypt(self, text: str) -> str:
        """Decrypt a text; raise DatabaseError when it is corrupt, was altered, or belongs to another record."""
        try:
            sealed = base64.b64decode(text, altchars=b"-_", validate=True)
            plain = sealing.unseal(self.key, sealed, context=self.context)
        except (ValueError, sealing.MalformedSealError):
            raise DatabaseError("a secret in the database is corrupt", hint=_HINT) from None
        except sealing.SealError:
            raise DatabaseError(
                "a secret in the database was altered outside iacs, or belongs to another record", hint=_HINT
            ) from None
        return str(json.loads(plain))
