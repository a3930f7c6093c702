"""Who is enrolled: the accounts of the database follow the enrolment files."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from iacs.account import repository
from iacs.account.schema import Account, AccountStatus, Enrollment, EnrollmentResult, normalize_address
from iacs.core import clock
from iacs.core.database import Database
from iacs.core.exceptions import AccountNotFoundError
from iacs.core.logger import Logger
from iacs.core.transaction import Transaction


class AccountService:
    """Enrol accounts from files, find them as `schema`, and keep where each stands."""

    def __init__(
        self,
        database: Database,
        *,
        enrollment_directory: Path,
        schema: type[Account] = Account,
        logger: Logger,
    ) -> None:
        self._database = database
        self._directory = enrollment_directory
        self._schema = schema
        self._logger = logger

    async def sync(self, directory: Path | None = None) -> EnrollmentResult:
        """Make the accounts what the files say; an account whose file is gone becomes disabled.

        Raises AccountError, which lists every problem of every file, before anything is written.
        """
        from iacs.account.enrollment import read_enrollments  # the only one that needs YAML

        enrollments = await asyncio.to_thread(read_enrollments, directory or self._directory)
        result = await self._database.run(_apply, enrollments)
        self._logger.info("accounts synced", **{name: len(value) for name, value in result})
        return result

    async def list(self) -> tuple[Account, ...]:
        """Return every account, by address."""
        return await self._database.run(repository.read_all, self._schema)

    async def get(self, email: str) -> Account:
        """Return an account; AccountNotFoundError says how to enrol one."""
        address = normalize_address(email)
        account = await self._database.run(repository.read, address, self._schema)
        if account is None:
            raise AccountNotFoundError(
                f"No account {address} is enrolled. Write a file such as"
                f" {self._directory / (address.partition('@')[0] or 'alice')}.yaml with the line"
                f" account: {address} and run: iacs account sync"
            )
        return account

    async def signed_in(self, account_id: str, *, object_id: str, directory_id: str) -> None:
        """Record who signed in, by the two ids that never change."""
        now = clock.to_text(clock.now())
        known = await self._database.run(repository.set_identity, account_id, object_id, directory_id, now)
        if not known:
            raise AccountNotFoundError(f"No account has the id {account_id}. Run: iacs account sync")

    async def signed_out(self, account_id: str) -> None:
        """Record that an account has no tokens any more."""
        now = clock.to_text(clock.now())
        await self._database.run(repository.set_status, account_id, AccountStatus.ENROLLED, now)


def _apply(tx: Transaction, enrollments: Iterable[Enrollment]) -> EnrollmentResult:
    now = clock.to_text(clock.now())
    present = {account.email: account for account in repository.read_all(tx)}
    added, updated, unchanged = [], [], []
    for enrollment in enrollments:
        account = present.pop(enrollment.account, None)
        if account is None:
            repository.add(tx, str(uuid4()), enrollment, now)
            added.append(enrollment.account)
        elif _matches(account, enrollment):
            unchanged.append(account.email)
        else:
            repository.update(tx, account.id, enrollment, now)
            updated.append(account.email)
    gone = [account for account in present.values() if account.status is not AccountStatus.DISABLED]
    repository.disable(tx, [account.id for account in gone], now)
    return EnrollmentResult(
        added=tuple(added),
        updated=tuple(updated),
        disabled=tuple(account.email for account in gone),
        unchanged=tuple(unchanged),
    )


def _matches(account: Account, enrollment: Enrollment) -> bool:
    return account.status is not AccountStatus.DISABLED and (account.name, account.tenant_id) == (
        enrollment.name,
        enrollment.tenant_id,
    )
