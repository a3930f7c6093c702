"""Parts of each lifetime, for the tests of every framework; the journal has what the resources of scopes have seen."""

from collections.abc import AsyncIterator, Iterator

journal: list[str] = []


class Greeter:
    def __init__(self, word: str = "hello") -> None:
        self.word = word


class Session:
    """A resource of a scope: it commits, unless an error ends the scope."""


class Lonely:
    """A class of which no container has a part."""


def open_session() -> Iterator[Session]:
    journal.append("begin")
    try:
        yield Session()
    except BaseException as error:
        journal.append(f"rollback {type(error).__name__}")
        raise
    journal.append("commit")


async def open_session_in_loop() -> AsyncIterator[Session]:
    journal.append("begin")
    try:
        yield Session()
    except BaseException as error:
        journal.append(f"rollback {type(error).__name__}")
        raise
    journal.append("commit")
