"""Accounts, and the files that enrol them."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

_ADDRESS = re.compile(r"[^@\s<>\"',;]+@[^@\s<>\"',;]+")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


def normalize_address(value: str) -> str:
    """Return an address as the database keeps it; case makes no difference."""
    return value.strip().lower()


def _address(value: str) -> str:
    value = normalize_address(value)
    if not _ADDRESS.fullmatch(value):
        raise ValueError("must be an address such as alice@contoso.example")
    return value


def _tenant(value: str) -> str:
    if value and not _TENANT.fullmatch(value):
        raise ValueError("must be a directory id or a domain such as contoso.example")
    return value


class AccountStatus(StrEnum):
    """Where an account stands."""

    ENROLLED = "enrolled"
    ACTIVE = "active"
    SIGN_IN_REQUIRED = "sign_in_required"
    DISABLED = "disabled"


class Account(BaseModel):
    """An enrolled mailbox; `object_id` and `directory_id` say who signed in, None before the first time."""

    model_config = ConfigDict(frozen=True)

    id: str
    email: str
    name: str = ""
    tenant_id: str = ""
    status: AccountStatus = AccountStatus.ENROLLED
    object_id: str | None = None
    directory_id: str | None = None


class Enrollment(BaseModel):
    """One enrolment file: an address, a name for people, and a tenant other than the configured one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: Annotated[str, AfterValidator(_address)]
    name: str = ""
    tenant_id: Annotated[str, AfterValidator(_tenant)] = ""


class EnrollmentResult(BaseModel):
    """The addresses that a sync added, updated, disabled, and left as they were."""

    model_config = ConfigDict(frozen=True)

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
