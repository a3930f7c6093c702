"""Why Graph denies a mailbox that somebody else than its owner opens."""

from collections.abc import Iterator
from contextlib import contextmanager

from iacs.core.exceptions import GraphError
from iacs.mail_query.collaborators import Account

_POLICY_HINT = (
    "the tenant's administrator adds the mailbox to the application access policy, or to the scope of RBAC for"
    " Applications, in Exchange; without either, the application permission Mail.Read and its admin consent are missing"
)


@contextmanager
def naming_the_mailbox(account: Account) -> Iterator[None]:
    """Raise a denial of a shared mailbox, or of one opened by the application, with who has to allow it."""
    try:
        yield
    except GraphError as error:
        if error.status != 403 or account.access == "delegated":
            raise
        raise _denied(account, error) from error


def _denied(account: Account, error: GraphError) -> GraphError:
    if account.access == "shared":
        message = f"{account.via} may not open the shared mailbox {account.email}: {error}"
        hint = (
            f"in Exchange, give {account.via} full access to the mailbox; add Mail.Read.Shared to AZURE_SCOPES, then sign"
            f" in again: iacs auth login {account.via}"
        )
    else:
        message = f"the tenant does not let the application open the mailbox {account.email}: {error}"
        if "[RAOP]" in str(error) or "AccessPolicy" in str(error):
            message = f"an application access policy keeps the application out of the mailbox {account.email}: {error}"
        hint = _POLICY_HINT
    return GraphError(
        message,
        status=error.status or 403,
        graph_code=error.graph_code,
        request_id=error.request_id,
        hint=hint,
    )
