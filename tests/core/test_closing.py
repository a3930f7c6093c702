import pytest

from iacs.core._lifecycle.closing import AsyncClosing, Closing


class Both(Closing, AsyncClosing):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def close(self) -> None:
        self.calls.append("close")

    async def aclose(self) -> None:
        self.calls.append("aclose")


async def test_the_end_of_a_block_closes_what_it_began_with_and_lets_errors_through() -> None:
    both = Both()
    with both as same:
        assert same is both
        assert both.calls == []
    with pytest.raises(ZeroDivisionError):
        async with both:
            raise ZeroDivisionError
    assert both.calls == ["close", "aclose"]
