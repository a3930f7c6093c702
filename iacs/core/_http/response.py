"""One answer of a server."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer, whatever its status; the names of `headers` match in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
