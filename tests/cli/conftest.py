"""Run commands inside the test's process, the whole way from the arguments to the exit code."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from iacs.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


Iacs = Callable[..., Ran]


@pytest.fixture
def iacs(capsys: pytest.CaptureFixture[str]) -> Iterator[Iacs]:
    def run(*args: str) -> Ran:
        capsys.readouterr()
        code = main(args)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    logger = logging.getLogger("iacs")
    level = logger.level
    yield run
    logger.setLevel(level)
