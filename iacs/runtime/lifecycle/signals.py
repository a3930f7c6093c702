"""Reacts to the signals that ask a service to end."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def at_ending_signals(end: Callable[[], object]) -> Iterator[None]:
    """Call `end` at SIGINT and SIGTERM; a second signal has its default effect.

    By default SIGTERM ends the process at once, and SIGINT raises KeyboardInterrupt.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _ENDING}

    def restore() -> None:
        for number in _ENDING:
            loop.remove_signal_handler(number)

    def receive() -> None:
        restore()
        end()

    for number in _ENDING:
        loop.add_signal_handler(number, receive)
    try:
        yield
    finally:
        restore()
        for number, handler in before.items():
            signal.signal(number, handler)
