"""The events of one transaction that changes accounts."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from iacs.account.events import AccountEvent, Action, AuditRecord, Change
from iacs.account.schema import Account, Enrollment
from iacs.core import clock
from iacs.core.events import NewEvent


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of the events about accounts, and of the audit events."""

    account: str
    audit: str


@dataclass(slots=True)
class Journal:
    """The events to store in one transaction; those of an account keep their order."""

    topics: Topics
    actor: str | None
    operation_id: str = field(default_factory=lambda: str(uuid4()))
    at: datetime = field(default_factory=clock.now)
    events: list[NewEvent] = field(default_factory=list)

    @property
    def now(self) -> str:
        """The time of the change, as the database stores it."""
        return clock.to_text(self.at)

    def announce(self, event: type[AccountEvent], account: Account, **fields: Any) -> None:
        """Add an event about whether an account can be used."""
        value = event(account=account.email, account_id=account.id, at=self.at, **fields)
        self.events.append(NewEvent(self.topics.account, value.model_dump(mode="json"), key=account.id))

    def record(self, action: Action, account: Account | None = None, **fields: Any) -> None:
        """Add an audit event."""
        if account is not None:
            fields |= {"account": account.email, "account_id": account.id}
        value = AuditRecord(
            action=action, at=self.at, operation_id=self.operation_id, actor=self.actor, **fields
        )
        key = account.id if account else self.operation_id
        self.events.append(NewEvent(self.topics.audit, value.model_dump(mode="json"), key=key))


def differences(account: Account, enrollment: Enrollment) -> dict[str, Change]:
    """Return the fields in which an account differs from what it is to be enrolled with."""
    fields = enrollment.model_dump(exclude={"account"}).items()
    return {
        name: Change(before=getattr(account, name), after=after)
        for name, after in fields
        if getattr(account, name) != after
    }
