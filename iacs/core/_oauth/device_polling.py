"""The wait for a person who signs in by device code (RFC 8628, 3.5)."""

import asyncio
from collections.abc import Awaitable, Callable

from iacs.core._oauth.tokens import DeviceCode, TokenSet
from iacs.core.exceptions import APIConnectionError, AuthenticationError

_STEP = 5.0
"""Seconds that each `slow_down` adds to the pause."""


async def poll(device: DeviceCode, request: Callable[[], Awaitable[TokenSet]]) -> TokenSet:
    """Repeat the request until the person has entered the code, declined, or let it expire."""
    pause = float(device.interval)
    try:
        async with asyncio.timeout(device.expires_in):
            while True:
                await asyncio.sleep(pause)
                try:
                    return await request()
                except APIConnectionError as error:
                    pause = max(pause * 2, error.retry_after or 0)
                except AuthenticationError as error:
                    if error.error == "slow_down":
                        pause += _STEP
                    elif error.error != "authorization_pending":
                        raise
    except TimeoutError:
        raise AuthenticationError(
            f"the code {device.user_code} was not entered in time",
            error="expired_token",
            hint="start the sign-in again",
        ) from None
