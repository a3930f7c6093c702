"""What is wrong with settings, in the user's words; the value of a secret is not quoted."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from iacs.core._database import sqlalchemy_parts
from iacs.core._settings.sources import is_secret_field
from iacs.redaction import REDACTED, redact_text

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


_LONGEST_VALUE = 60
_SENTENCES = {
    "int": "is not a whole number",
    "float": "is not a number",
    "finite_number": "must be a finite number",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "value_error": "{error}",
}


def hint_of(error: "ErrorDetails") -> str:
    """Return the hint of a validator of iacs's own; empty for pydantic's."""
    return str(error.get("ctx", {}).get("hint", ""))


def problem_of(error: "ErrorDetails", field: FieldInfo) -> str:
    """Translate pydantic's error about a setting, such as `'loud' is not one of DEBUG, INFO`."""
    return f"{_quoted(error['input'], field)}{_sentence(error, field)}"


def _quoted(value: Any, field: FieldInfo) -> str:
    if is_secret_field(field):  # only the scheme of a URL, which is the most common mistake
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        scheme, separator, _ = text.partition("://")
        return f"'{scheme}://…' " if separator and len(scheme) <= 20 and scheme.isascii() else ""
    if not isinstance(value, str | int | float) or get_origin(field.annotation) is tuple:
        return ""  # the problem quotes the malformed one of several
    shown = redact_text(str(value))
    return f"{shown if len(shown) <= _LONGEST_VALUE else shown[:_LONGEST_VALUE] + '…'!r} "


def _sentence(error: "ErrorDetails", field: FieldInfo) -> str:
    kind = error["type"]
    if kind == "literal_error":
        return f"is not one of {', '.join(get_args(field.annotation))}"
    sentence = _SENTENCES.get(kind) or _SENTENCES.get(kind.partition("_")[0])
    return sentence.format(**error.get("ctx", {})) if sentence else f"is malformed ({error['msg']})"


def contradictions(config: Any, name: Callable[[str], str]) -> list[str]:
    """Describe settings that are valid alone and contradict each other."""
    protocol = config.kafka_security_protocol
    user, password = name("kafka_sasl_username"), name("kafka_sasl_password")
    setting = f"{name('kafka_security_protocol')}={protocol}"
    credentials = (config.kafka_sasl_username, config.kafka_sasl_password)
    if not config.kafka_bootstrap_servers:
        return []
    if protocol.startswith("SASL") and config.kafka_sasl_mechanism == "OAUTHBEARER":
        return []
    if protocol.startswith("SASL") and not all(credentials):
        return [f"{setting} needs {user} and {password}"]
    if not protocol.startswith("SASL") and any(credentials):
        return [f"{user} and {password} are not sent with {setting}; use SASL_SSL, or remove them"]
    return []


def shown(name: str, value: Any, field: FieldInfo) -> str:
    """Return a value as text, without secrets."""
    if value is None:
        return ""
    if name == "database_url":
        return redact_text(
            sqlalchemy_parts.make_url(value.get_secret_value()).render_as_string(hide_password=True)
        )
    if is_secret_field(field):
        return REDACTED if value.get_secret_value() else ""
    return ",".join(value) if isinstance(value, tuple) else redact_text(str(value))
