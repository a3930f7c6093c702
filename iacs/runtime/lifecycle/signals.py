"""Waits for the signals that ask a service to end."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ending_signals() -> Iterator[asyncio.Event]:
    """Give an event that SIGINT and SIGTERM set; a second signal then does what it does by default.

    For a second SIGTERM that is to end the process at once, for SIGINT to raise KeyboardInterrupt.
    """
    loop, received = asyncio.get_running_loop(), asyncio.Event()
    before = {number: signal.getsignal(number) for number in _ENDING}

    def receive() -> None:
        received.set()
        for number in _ENDING:
            loop.remove_signal_handler(number)

    for number in _ENDING:
        loop.add_signal_handler(number, receive)
    try:
        yield received
    finally:
        receive()
        for number, handler in before.items():
            signal.signal(number, handler)
