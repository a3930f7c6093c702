"""What the tests of the check share."""

from collections.abc import Iterator

import pytest

from tests.runtime.counted import Counted


@pytest.fixture
def nothing_is_built() -> Iterator[None]:
    Counted._built = 0
    yield
    assert Counted._built == 0
