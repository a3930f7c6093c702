"""The changes of accounts as functions of an open transaction, each with the events about it.

A change that was made already, perhaps by another process just now, changes nothing and has no event.
"""

from collections.abc import Iterable
from uuid import uuid4

from iacs.account import repository
from iacs.account.changes import Changes, compare
from iacs.account.events import (
    AccountDisabled,
    AccountEnabled,
    AccountRecovered,
    AccountSignInRequired,
    Change,
)
from iacs.account.journal import Journal, differences
from iacs.account.schema import Account, AccountStatus, Enrollment, enrollment_of
from iacs.core.exceptions import SignInRequiredError
from iacs.core.transaction import Transaction


def add(tx: Transaction, journal: Journal, enrollment: Enrollment) -> bool:
    """Enrol an account; return False if its address is enrolled already."""
    account = Account(id=str(uuid4()), email=enrollment.account)
    if not repository.add(tx, account.id, enrollment, journal.now):
        return False
    journal.record("enrolled", account, changes=differences(account, enrollment))
    return True


def apply(tx: Transaction, journal: Journal, enrollments: tuple[Enrollment, ...], *, prune: bool) -> Changes:
    """Make the accounts those of the files."""
    changes = compare(repository.read_all(tx), enrollments, prune=prune)
    for enrollment in changes.added:
        add(tx, journal, enrollment)
    for account, enrollment in changes.updated:
        update(tx, journal, account.id, enrollment)
    disable(tx, journal, (account.id for account in changes.disabled), pruned=True)
    return changes


def update(tx: Transaction, journal: Journal, account_id: str, enrollment: Enrollment) -> None:
    """Update what an account is enrolled with, other than its address, and enable it."""
    account = repository.lock(tx, account_id)
    if account is None:
        return
    if changed := differences(account, enrollment):
        repository.set_enrollment(tx, account_id, enrollment, journal.now)
        journal.record("changed", account, changes=changed)
    enable(tx, journal, account_id)


def disable(tx: Transaction, journal: Journal, account_ids: Iterable[str], *, pruned: bool = False) -> None:
    """Disable accounts."""
    for account_id in account_ids:
        if repository.disable(tx, account_id, journal.now) and (account := repository.lock(tx, account_id)):
            journal.announce(AccountDisabled, account, pruned=pruned)
            journal.record("pruned" if pruned else "disabled", account)


def enable(tx: Transaction, journal: Journal, account_id: str) -> None:
    """Enable an account, with the status that it had before."""
    if repository.enable(tx, account_id, journal.now) and (account := repository.lock(tx, account_id)):
        journal.announce(AccountEnabled, account)
        journal.record("enabled", account)


def relink(tx: Transaction, journal: Journal, account_id: str, enrollment: Enrollment) -> None:
    """Forget the person who signed in, and update what the account is enrolled with."""
    account = repository.lock(tx, account_id)
    if account is None:
        return
    changed = differences(account, enrollment)
    if not changed and not account.object_id:
        return
    repository.unlink(tx, account_id, journal.now)
    repository.set_enrollment(tx, account_id, enrollment, journal.now)
    journal.record(
        "relinked",
        account,
        object_id=account.object_id,
        directory_id=account.directory_id,
        changes=changed,
    )


def follow(
    tx: Transaction, journal: Journal, account: Account, *, object_id: str, directory_id: str
) -> str | None:
    """Give the earlier account of a person the address of this one, which is deleted; return its id.

    Returns None if the person had no account, or this one is in use.
    """
    earlier_id = repository.account_of(tx, object_id, directory_id)
    if account.directory_id or earlier_id is None:
        return None
    repository.lock(tx, account.id)  # also by whoever enrols, or signs in to, this one meanwhile
    earlier = repository.lock(tx, earlier_id)
    if earlier is not None and earlier.email != account.email:
        repository.replace(tx, account.id, earlier_id, account.email, journal.now)
        followed = earlier.model_copy(update={"email": account.email})
        journal.record(
            "followed",
            followed,
            object_id=object_id,
            directory_id=directory_id,
            changes={"account": Change(before=earlier.email, after=account.email)},
        )
        update(tx, journal, earlier_id, enrollment_of(account))
    return earlier_id


def sign_in(tx: Transaction, journal: Journal, account_id: str, object_id: str, directory_id: str) -> bool:
    """Record the person who signed in; return False if no enabled account has that id."""
    account = repository.lock(tx, account_id)
    if account is None or account.status == AccountStatus.DISABLED:
        return False
    repository.set_identity(tx, account_id, object_id, directory_id, journal.now)
    journal.record("signed_in", account, object_id=object_id, directory_id=directory_id)
    if account.status == AccountStatus.SIGN_IN_REQUIRED:
        journal.announce(AccountRecovered, account, by="sign_in")
    return True


def refuse_sign_in(
    tx: Transaction, journal: Journal, account_id: str, *, reason: str, object_id: str, directory_id: str
) -> None:
    """Record a sign-in that was not accepted."""
    account = repository.read_by_id(tx, account_id)
    person = {"object_id": object_id or None, "directory_id": directory_id or None}
    journal.record("sign_in_refused", account, reason=reason, **person)


def create_link(tx: Transaction, journal: Journal, account_id: str) -> None:
    """Record a link with which somebody may sign in."""
    journal.record("sign_in_link_created", repository.read_by_id(tx, account_id))


def sign_out(tx: Transaction, journal: Journal, account_id: str) -> None:
    """Record that nobody is signed in."""
    account = repository.lock(tx, account_id)
    if account is not None and repository.set_signed_out(tx, account_id, journal.now):
        person = {"object_id": account.object_id, "directory_id": account.directory_id}
        journal.record("signed_out", account, **person)


def require_sign_in(
    tx: Transaction, journal: Journal, account_id: str, error: SignInRequiredError | None
) -> bool:
    """Record that the person has to sign in again; return False if nobody was signed in."""
    if not repository.set_sign_in_required(tx, account_id, journal.now):
        return False
    if account := repository.read_by_id(tx, account_id):
        cause = error or SignInRequiredError("")
        journal.announce(
            AccountSignInRequired, account, error=cause.error, codes=cause.codes, retried=cause.kept
        )
    return True


def restore_sign_in(tx: Transaction, journal: Journal, account_id: str) -> bool:
    """Undo `require_sign_in`; return False if it was undone already."""
    if not repository.set_sign_in_restored(tx, account_id, journal.now):
        return False
    if account := repository.read_by_id(tx, account_id):
        journal.announce(AccountRecovered, account, by="renewal")
    return True


def start_key_rotation(tx: Transaction, journal: Journal) -> str:
    """Record that data keys are going to be encrypted with another key; return the operation's id."""
    journal.record("key_rotation_started")
    return journal.operation_id


def end_key_rotation(
    tx: Transaction,
    journal: Journal,
    operation_id: str,
    *,
    rotated: int | None,
    failed: int | None,
    reason: str,
) -> None:
    """Record the outcome of a key rotation."""
    journal.operation_id = operation_id
    journal.record("key_rotation_ended", rotated=rotated, failed=failed, reason=reason or None)
