"""One answer of a server."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer, whatever its status; the names of `headers` match in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """The seconds that the server asks to wait: a number or an HTTP date (RFC 9110, 10.2.3), else None."""
        text = self.headers.get("Retry-After", "").strip()
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text):
            return float(text)
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
