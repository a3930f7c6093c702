"""The validated responses of Entra ID's token and device endpoints, and the person who signed in."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from iacs.core.exceptions import MalformedResponseError


class _Answer(BaseModel):
    model_config = ConfigDict(
        frozen=True, hide_input_in_errors=True, defer_build=True
    )  # until the first answer

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
    """Tokens of one person or application; `expires_in` and `refresh_in` are seconds from now."""

    access_token: SecretStr = Field(min_length=1)
    refresh_token: SecretStr | None = None
    id_token: SecretStr | None = None
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int = Field(gt=0)
    refresh_in: int | None = Field(None, gt=0)
    scope: str = ""

    @field_validator("token_type")
    @classmethod
    def _bearer(cls, value: str) -> str:
        if value.lower() != "bearer":
            raise ValueError("must be Bearer")
        return value


class DeviceCode(_Answer):
    """A sign-in that the person completes on another device; `interval` is seconds between polls."""

    device_code: SecretStr = Field(min_length=1)
    user_code: str
    verification_uri: str
    message: str = ""
    expires_in: int = Field(gt=0)
    interval: float = Field(5, gt=0)
    tenant_id: str = ""


class Identity(BaseModel):
    """A person: `object_id` and `directory_id` never change, `username` and `name` may."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    object_id: str
    directory_id: str
    username: str = ""
    name: str = ""
