"""An HTTP response."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MAX_SECONDS = 3_153_600_000.0
"""A hundred years: a longer wait makes no difference, and its end would not be a valid date."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response with any status; the names of `headers` are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """The seconds to wait, as the server asks: a number or an HTTP date (RFC 9110, 10.2.3), else None."""
        text = self.headers.get("Retry-After", "").strip()
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
            return min(float(text), _MAX_SECONDS)
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
