"""The events about accounts: whether an account can be used, and a record of every change for audits.

The models are built on first use: a container imports them to name the service.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Action = Literal[
    "enrolled",
    "changed",
    "enabled",
    "disabled",
    "pruned",
    "signed_in",
    "sign_in_refused",
    "sign_in_link_created",
    "signed_out",
    "relinked",
    "followed",
    "key_rotation_started",
    "key_rotation_ended",
]


class AccountEvent(BaseModel):
    """A change of whether an account can be used; published once, however many tasks and processes notice it."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    account: str = Field(description="Address of the mailbox")
    account_id: str
    at: datetime


class AccountSignInRequired(AccountEvent):
    """Entra ID does not renew the tokens of an account."""

    type: Literal["account.sign_in_required"] = "account.sign_in_required"
    error: str = Field(description="OAuth error code")
    codes: tuple[int, ...] = Field(description="AADSTS numbers, for people")
    retried: bool = Field(
        description="Whether the renewal is tried again, since somebody else may lift the refusal"
    )


class AccountRecovered(AccountEvent):
    """An account that required a sign-in can be used again."""

    type: Literal["account.recovered"] = "account.recovered"
    by: Literal["renewal", "sign_in"]


class AccountEnabled(AccountEvent):
    """A disabled account was enabled."""

    type: Literal["account.enabled"] = "account.enabled"


class AccountDisabled(AccountEvent):
    """An account was disabled; `pruned` if that is because it has no enrolment file any more."""

    type: Literal["account.disabled"] = "account.disabled"
    pruned: bool = False


class Change(BaseModel):
    """The value of a field before and after; None if there was none."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    before: str | None
    after: str | None


class AuditRecord(BaseModel):
    """Who changed what, and when; the secrets themselves are in no record."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    type: Literal["account.audited"] = "account.audited"
    action: Action
    at: datetime
    operation_id: str = Field(description="The same in all records of one operation, such as one --prune")
    actor: str | None = Field(
        default=None,
        description="Who requested it, such as os:alice for a command; None for the program itself",
    )
    account: str | None = Field(default=None, description="Address of the mailbox; None for all accounts")
    account_id: str | None = None
    object_id: str | None = Field(
        default=None, description="Person who signed in, or was refused: Entra's claim oid"
    )
    directory_id: str | None = Field(default=None, description="Directory of that person: Entra's claim tid")
    reason: str | None = Field(default=None, description="Why it was refused, or failed")
    changes: Mapping[str, Change] = Field(default={}, description="Fields of the account that changed")
    rotated: int | None = Field(
        default=None, description="Number of accounts whose data keys have the current key"
    )
    failed: int | None = Field(default=None, description="Number of accounts whose data keys have not")
