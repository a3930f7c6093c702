"""Tracebacks without secrets."""

import re
from collections.abc import Iterable

from iacs.redaction.text import redact_text

_STACK_ENTRY = re.compile(r'[\s|+]*File ".*", line \d+')


def redact_traceback(parts: Iterable[str]) -> list[str]:
    """Return the parts of a traceback without secrets; source lines, such as `token=token`, are kept."""
    return [redact_text(part, names=not _STACK_ENTRY.match(part)) for part in parts]
