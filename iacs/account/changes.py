"""The changes that a sync of the enrolment files makes, decided before anything is written."""

from collections.abc import Iterable
from dataclasses import dataclass

from iacs.account.schema import Account, AccountStatus, Enrollment, EnrollmentResult


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference between the accounts and the files."""

    added: tuple[Enrollment, ...]
    updated: tuple[tuple[Account, Enrollment], ...]
    disabled: tuple[Account, ...]
    result: EnrollmentResult


def compare(accounts: Iterable[Account], enrollments: Iterable[Enrollment], *, prune: bool) -> Changes:
    """Return what has to change; without `prune`, an enabled account that has no file is left alone."""
    known = {account.email: account for account in accounts}
    added: list[Enrollment] = []
    updated: list[tuple[Account, Enrollment]] = []
    unchanged: list[str] = []
    for enrollment in enrollments:
        account = known.pop(enrollment.account, None)
        if account is None:
            added.append(enrollment)
        elif _matches(account, enrollment):
            unchanged.append(account.email)
        else:
            updated.append((account, enrollment))
    unnamed = tuple(account for account in known.values() if account.status is not AccountStatus.DISABLED)
    result = EnrollmentResult(
        added=tuple(enrollment.account for enrollment in added),
        updated=tuple(account.email for account, _ in updated),
        disabled=tuple(account.email for account in unnamed) if prune else (),
        unchanged=tuple(unchanged),
        left_alone=() if prune else tuple(account.email for account in unnamed),
    )
    return Changes(tuple(added), tuple(updated), unnamed if prune else (), result)


def _matches(account: Account, enrollment: Enrollment) -> bool:
    return account.status is not AccountStatus.DISABLED and all(
        getattr(account, field) == value
        for field, value in enrollment.model_dump(exclude={"account"}).items()
    )
