"""The enrolled accounts and their statuses."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from iacs.account import repository, transitions
from iacs.account.changes import compare
from iacs.account.recorder import Recorder
from iacs.account.schema import (
    Access,
    Account,
    Enrollment,
    EnrollmentResult,
    enrollment_of,
    normalize_address,
)
from iacs.core import clock
from iacs.core.database import Database
from iacs.core.exceptions import (
    AccountDisabledError,
    AccountError,
    AccountNotFoundError,
    DegradedError,
    SignInRequiredError,
)
from iacs.core.logger import Logger
from iacs.core.token_service import Grants


class AccountService:
    """The service that enrols, lists, disables and enables accounts, which it returns as `schema`.

    Disabling an account also suspends its grant; the status of the account decides. Every change is stored together
    with the events about it.
    """

    def __init__(
        self,
        database: Database,
        grants: Grants,
        recorder: Recorder,
        *,
        enrollment_directory: Path,
        schema: type[Account] = Account,
        logger: Logger,
    ) -> None:
        self._database = database
        self._grants = grants
        self._recorder = recorder
        self._directory = enrollment_directory
        self._schema = schema
        self._logger = logger

    async def sync(
        self, directory: Path | None = None, *, prune: bool = False, dry_run: bool = False
    ) -> EnrollmentResult:
        """Enrol and update accounts from the files of a directory.

        An account without a file is left alone, or disabled with `prune`. `dry_run` changes nothing and
        returns what would be changed. Raises AccountError, which lists every problem of every file, before
        anything is written.
        """
        from iacs.account.enrollment import read_enrollments  # the only one that needs YAML

        enrollments = await asyncio.to_thread(read_enrollments, directory or self._directory)
        if dry_run:
            accounts = await self._database.read(repository.read_all)
            return compare(accounts, enrollments, prune=prune).result
        async with self._recorder.change(transitions.apply, enrollments, prune=prune) as changes:
            await self._grants.suspend([account.id for account in changes.disabled])
            await self._grants.resume([account.id for account, _ in changes.updated])
        self._logger.info("accounts synced", **{name: len(value) for name, value in changes.result})
        return changes.result

    async def list(self) -> tuple[Account, ...]:
        """Return every account, sorted by address."""
        return await self._database.read(repository.read_all, self._schema)

    async def get(self, email: str) -> Account:
        """Return the account of an address; raise AccountNotFoundError."""
        address = normalize_address(email)
        account = await self._database.read(repository.read, address, self._schema)
        if account is None:
            raise AccountNotFoundError(
                f"no account with the address {address} is enrolled",
                hint=f"enrol it with: iacs account add {address}",
            )
        return account

    async def get_enabled(self, email: str) -> Account:
        """Return the account of an address; raise AccountNotFoundError or AccountDisabledError."""
        return require_enabled(await self.get(email))

    async def get_by_id(self, account_id: str) -> Account:
        """Return the account of an id; raise AccountNotFoundError."""
        account = await self._database.read(repository.read_by_id, account_id, self._schema)
        if account is None:
            raise AccountNotFoundError(
                f"no account has the id {account_id}", hint="list the accounts with: iacs account list"
            )
        return account

    async def add(
        self,
        email: str,
        *,
        name: str = "",
        tenant_id: str = "",
        username: str = "",
        access: str = Access.DELEGATED,
        via: str = "",
    ) -> Account:
        """Enrol one account; raise AccountError if its address is malformed or already enrolled.

        The parameters are the keys of an enrolment file.
        """
        enrollment = Enrollment.of(
            email, name=name, tenant_id=tenant_id, username=username, access=access, via=via
        )
        added = await self._recorder.run(transitions.add, enrollment)
        account = await self.get(enrollment.account)
        if not added:
            disabled = account.status == "disabled"
            raise AccountError(
                f"{account.email} is already enrolled{', and disabled' if disabled else ''}",
                hint=f"enable it with: iacs account enable {account.email}" if disabled else "",
            )
        self._logger.info("account added", account=account.email)
        return account

    async def disable(self, email: str) -> Account:
        """Disable an account: no query, sync or sign-in; its stored mail and tokens are kept."""
        account = await self.get(email)
        async with self._recorder.change(transitions.disable, [account.id]):
            await self._grants.suspend([account.id])
        self._logger.info("account disabled", account=account.email)
        return await self.get(email)

    async def enable(self, email: str) -> Account:
        """Enable a disabled account; if it was signed in, it still is."""
        account = await self.get(email)
        async with self._recorder.change(transitions.enable, account.id):
            await self._grants.resume([account.id])
        self._logger.info("account enabled", account=account.email)
        return await self.get(email)

    async def relink(
        self, email: str, *, tenant_id: str | None = None, username: str | None = None
    ) -> Account:
        """Accept a new person for an account at its next sign-in; stored mail is kept, tokens are deleted.

        For a person who was created again, or moved to another tenant. `tenant_id` and `username` replace those of the
        enrolment.
        """
        account = await self.get(email)
        changes = {"tenant_id": tenant_id, "username": username}
        enrollment = enrollment_of(
            account, **{name: text for name, text in changes.items() if text is not None}
        )
        await self._grants.delete(account.id)
        await self._recorder.run(transitions.relink, account.id, enrollment)
        self._logger.info(
            "account relinked",
            account=account.email,
            object_id=account.object_id,
            directory_id=account.directory_id,
        )
        return await self.get(account.email)

    async def follow(self, account_id: str, *, object_id: str, directory_id: str) -> Account:
        """Return the account of a person who signed in to `account_id`: their earlier one if their address changed.

        It then takes address and enrolment of the new account, to which nobody has signed in before. So stored mail
        stays with the mailbox, and is not announced again.
        """
        account = await self.get_by_id(account_id)
        async with self._recorder.change(
            transitions.follow, account, object_id=object_id, directory_id=directory_id
        ) as earlier_id:
            if earlier_id is None:
                return account
            await self._grants.resume([earlier_id])
        self._logger.info(
            "account follows its person",
            account=account.email,
            object_id=object_id,
            directory_id=directory_id,
        )
        return await self.get_by_id(earlier_id)

    async def signed_in(self, account_id: str, *, object_id: str, directory_id: str) -> None:
        """Record the person who signed in, by the two ids that never change; raise AccountDisabledError."""
        while not await self._recorder.run(transitions.sign_in, account_id, object_id, directory_id):
            require_enabled(await self.get_by_id(account_id))

    async def sign_in_refused(
        self, account_id: str, *, reason: str, object_id: str = "", directory_id: str = ""
    ) -> None:
        """Record a sign-in that was not accepted, for audits: why, and the person if one is known."""
        await self._recorder.run(
            transitions.refuse_sign_in,
            account_id,
            reason=reason,
            object_id=object_id,
            directory_id=directory_id,
        )

    async def sign_in_link_created(self, account_id: str) -> None:
        """Record for audits a link with which somebody may sign in to an account."""
        await self._recorder.run(transitions.create_link, account_id)

    async def signed_out(self, account_id: str) -> None:
        """Record that nobody is signed in to an account."""
        await self._recorder.run(transitions.sign_out, account_id)

    async def sign_in_required(self, account_id: str, error: SignInRequiredError | None = None) -> bool:
        """Record that a person has to sign in again, because of `error`; return False if nobody was signed in."""
        return await self._recorder.run(transitions.require_sign_in, account_id, error)

    async def sign_in_restored(self, account_id: str) -> bool:
        """Record that nobody has to sign in again; return False if that is recorded already."""
        return await self._recorder.run(transitions.restore_sign_in, account_id)

    async def key_rotation_started(self) -> str:
        """Record for audits that all data keys are going to be encrypted with another key; return an operation's id."""
        return await self._recorder.run(transitions.start_key_rotation)

    async def key_rotation_ended(
        self, operation_id: str, *, rotated: int | None = None, failed: int | None = None, reason: str = ""
    ) -> None:
        """Record how many accounts have their data keys encrypted with the other key, or why it failed."""
        await self._recorder.run(
            transitions.end_key_rotation, operation_id, rotated=rotated, failed=failed, reason=reason
        )

    async def opened(self, account_id: str) -> None:
        """Record that a mailbox for which nobody signs in can be opened."""
        await self._database.run(repository.set_opened, account_id, clock.to_text(clock.now()))

    async def probe(self) -> Mapping[str, int]:
        """Return the number of accounts by status; raise DegradedError if somebody has to sign in again."""
        counts = await self._database.read(repository.count_by_status)
        if number := counts.get("sign_in_required", 0):
            accounts = "1 account has" if number == 1 else f"{number} accounts have"
            raise DegradedError(f"{accounts} to sign in again", hint="list them with: iacs account list")
        return counts


def require_enabled(account: Account) -> Account:
    """Return the account; raise AccountDisabledError if it is disabled."""
    if account.status == "disabled":
        raise AccountDisabledError(
            f"{account.email} is disabled", hint=f"enable it with: iacs account enable {account.email}"
        )
    return account
