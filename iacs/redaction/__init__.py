"""What counts as a secret, and how text is made safe for logs and terminals; the only such rules in iacs.

`iacs.redaction.names` has the rule for names, `text` finds secrets inside text, `foreign` removes the secrets of
a request from its response, `values` redacts whole values (it imports pydantic), `terminal` escapes control
characters.
"""

from iacs.redaction.foreign import redact_foreign
from iacs.redaction.names import REDACTED, hides_itself, is_secret, is_secret_name
from iacs.redaction.terminal import safe_for_terminal, safe_json
from iacs.redaction.text import redact_text
from iacs.redaction.tracebacks import redact_traceback

__all__ = [
    "REDACTED",
    "hides_itself",
    "is_secret",
    "is_secret_name",
    "redact_foreign",
    "redact_text",
    "redact_traceback",
    "safe_for_terminal",
    "safe_json",
]
