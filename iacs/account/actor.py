"""The actor of a change: who changes accounts, for the audit events."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ACTOR: ContextVar[str | None] = ContextVar("iacs_actor", default=None)


@contextmanager
def acting_as(actor: str | None) -> Iterator[None]:
    """Name `actor` in the audit events of all changes of accounts in the block, such as `user:4711` of a web application.

    Use an id that stays the same, with the kind of name in front of it; never a secret.
    """
    token = _ACTOR.set(actor)
    try:
        yield
    finally:
        _ACTOR.reset(token)


def current_actor() -> str | None:
    """Return the actor of the innermost `acting_as`; None for the program itself."""
    return _ACTOR.get()
