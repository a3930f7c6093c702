"""The validated responses of Entra ID's token and device endpoints, and the person who signed in."""

import math
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from iacs.core.exceptions import MalformedResponseError

_UNSTATED_LIFETIME = 600
_LONGEST_LIFETIME = 7 * 86_400


class _Answer(BaseModel):
    # built with the first answer
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, defer_build=True)

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Parse a response; MalformedResponseError names the malformed fields, never their values."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            fields = {".".join(map(str, problem["loc"])) or "JSON" for problem in error.errors()}
            # Not chained: a validation error may quote what it read.
            raise MalformedResponseError(
                f"Entra ID's answer does not follow OAuth: {', '.join(sorted(fields))}",
                status=200,
                hint="check AZURE_AUTHORITY_HOST; a proxy may have answered instead",
            ) from None


class TokenSet(_Answer):
    """Tokens of one person or application; `expires_in` and `refresh_in` are seconds from now.

    Only the access token is required (RFC 6749, 5.1), and gateways rewrite what they do not know: a field that
    cannot be used counts as missing. Without a lifetime the token is renewed after ten minutes.
    """

    access_token: SecretStr = Field(min_length=1)
    refresh_token: SecretStr | None = None
    id_token: SecretStr | None = None
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int = _UNSTATED_LIFETIME
    refresh_in: int | None = None
    scope: str = ""

    @field_validator("token_type", mode="before")
    @classmethod
    def _bearer(cls, value: object) -> str:
        if value in (None, ""):
            return "Bearer"
        if not isinstance(value, str) or value.lower() != "bearer":
            raise ValueError("must be Bearer")
        return value

    @field_validator("refresh_token", "id_token", mode="before")
    @classmethod
    def _token(cls, value: object) -> str | None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        return text if isinstance(text, str) and text.strip() else None

    @field_validator("scope", mode="before")
    @classmethod
    def _scope(cls, value: object) -> str:
        words = value if isinstance(value, list) else [value]
        return " ".join(word for word in words if isinstance(word, str))

    @field_validator("expires_in", mode="before")
    @classmethod
    def _lifetime(cls, value: object) -> int:
        return _seconds(value) or _UNSTATED_LIFETIME

    @field_validator("refresh_in", mode="before")
    @classmethod
    def _early(cls, value: object) -> int | None:
        return _seconds(value)


def _seconds(value: Any) -> int | None:
    """Return a duration of at least a second, at most a week; None for anything else."""
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except OverflowError:  # an integer of more than 300 digits
        seconds = math.inf
    except (TypeError, ValueError):
        return None
    return int(min(seconds, _LONGEST_LIFETIME)) if seconds >= 1 else None


class DeviceCode(_Answer):
    """A sign-in that the person completes on another device; `interval` is seconds between polls."""

    device_code: SecretStr = Field(min_length=1)
    user_code: str
    verification_uri: str
    message: str = ""
    expires_in: int = Field(gt=0)
    interval: float = Field(5, gt=0)
    tenant_id: str = ""
    scopes: str = ""


class Identity(BaseModel):
    """A person: `object_id` and `directory_id` never change, `username`, `name` and `email` may.

    `subject` identifies the person for this application alone. `own_tenant` is true when the sign-in was at one
    named tenant, so that the directory is that of the account or of the settings; any other directory can
    assert any `email`.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    object_id: str
    directory_id: str
    subject: str = ""
    username: str = ""
    name: str = ""
    email: str = ""
    own_tenant: bool = False
