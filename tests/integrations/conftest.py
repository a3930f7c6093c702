from collections.abc import Iterator

import pytest

from tests.integrations.parts import journal


@pytest.fixture(autouse=True)
def _empty_journal() -> Iterator[None]:
    journal.clear()
    yield
    journal.clear()
