"""Accounts and their enrolment."""

import re
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from iacs.core.exceptions import AccountError
from iacs.core.oauth_client import is_tenant

_ADDRESS = re.compile(r"[^@\s<>\"',;\x00-\x1f]+@[^@\s<>\"',;\x00-\x1f]+")
_USERNAME = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")
_PROBLEMS = {
    "missing": "is missing",
    "extra_forbidden": "is not a key of an enrolment",
    "invalid_key": "is not a key of an enrolment",
    "string_type": "is not text",
    "enum": "is not delegated, shared or application",
}


def normalize_address(value: str) -> str:
    """Return an address as the database stores it: without surrounding spaces, in lower case."""
    return value.strip().lower()


def _address(value: str) -> str:
    value = normalize_address(value)
    if not _ADDRESS.fullmatch(value):
        raise ValueError(f"is not an address such as alice@contoso.example: {value[:80]!r}")
    return value


def _username(value: str) -> str:
    value = normalize_address(value)
    if value and not _USERNAME.fullmatch(value):
        raise ValueError(f"is not a sign-in name such as a12345@contoso.example: {value[:80]!r}")
    return value


def _via(value: str) -> str:
    return _address(value) if value else ""


def _name(value: str) -> str:
    if "\x00" in value:  # which PostgreSQL cannot store
        raise ValueError("contains the character NUL")
    return value


def _tenant(value: str) -> str:
    if value and not is_tenant(value):
        raise ValueError("is not a directory id or a domain such as contoso.example")
    return value


class Access(StrEnum):
    """What opens a mailbox: its owner's grant, that of another account's person, or the application's own."""

    DELEGATED = "delegated"
    SHARED = "shared"
    APPLICATION = "application"


class AccountStatus(StrEnum):
    """The status of an account; a disabled one cannot be queried, synced or signed in to."""

    ENROLLED = "enrolled"
    ACTIVE = "active"
    SIGN_IN_REQUIRED = "sign_in_required"
    DISABLED = "disabled"


class Account(BaseModel):
    """An enrolled mailbox; `object_id` and `directory_id` identify the person, None before the first sign-in."""

    model_config = ConfigDict(frozen=True)

    id: str
    email: str
    name: str = ""
    tenant_id: str = ""
    username: str = ""
    access: Access = Access.DELEGATED
    via: str = ""
    status: AccountStatus = AccountStatus.ENROLLED
    object_id: str | None = None
    directory_id: str | None = None

    @property
    def mailbox_path(self) -> str:
        """The path of the mailbox in Microsoft Graph; only an account's own person is `me`."""
        return "me" if self.access is Access.DELEGATED else f"users/{quote(self.email)}"


class Enrollment(BaseModel):
    """The enrolment of one account; an empty `tenant_id` stands for AZURE_TENANT_ID.

    `username` is the name that the person signs in with, if it is not the address; `via` is the account whose person
    opens a shared mailbox.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    account: Annotated[str, AfterValidator(_address)]
    name: Annotated[str, AfterValidator(_name)] = ""
    tenant_id: Annotated[str, AfterValidator(_tenant)] = ""
    username: Annotated[str, AfterValidator(_username)] = ""
    access: Access = Access.DELEGATED
    via: Annotated[str, AfterValidator(_via)] = ""

    @model_validator(mode="after")
    def _fits_access(self) -> Self:
        if (self.access is Access.SHARED) != bool(self.via):
            raise ValueError("access: shared and via: ADDRESS need each other")
        if self.via == self.account:
            raise ValueError("via is the account itself")
        if self.username and self.access is not Access.DELEGATED:
            raise ValueError(f"username does not apply to access: {self.access}, since nobody signs in")
        return self

    @classmethod
    def of(cls, account: str, **fields: str) -> Self:
        """Return a checked enrolment; raise AccountError."""
        try:
            return cls.model_validate({"account": account, **fields})
        except ValidationError as error:
            raise AccountError("; ".join(problems(error))) from None


def enrollment_of(account: Account, **changes: str) -> Enrollment:
    """Return what an account is enrolled with, and `changes` of it; raise AccountError."""
    names = Enrollment.model_fields.keys() - {"account"}
    return Enrollment.of(account.email, **({name: getattr(account, name) for name in names} | changes))


def problems(error: ValidationError) -> list[str]:
    """Return the problems of an enrolment, with their keys."""
    return [
        f"{'.'.join(map(str, problem['loc']))}"
        f" {_PROBLEMS.get(problem['type'], problem['msg'].removeprefix('Value error, '))}".strip()
        for problem in error.errors()
    ]


class EnrollmentResult(BaseModel):
    """The addresses that a sync added, updated, disabled, left unchanged, and left alone for lack of a file."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    left_alone: tuple[str, ...] = ()

    @property
    def disables_most(self) -> bool:
        """Whether more than half of the accounts that were enabled are disabled."""
        return len(self.disabled) > len(self.updated) + len(self.unchanged)
