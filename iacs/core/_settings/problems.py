"""What is wrong with settings, in the user's words; the value of a secret is not quoted."""

from collections.abc import Callable, Collection, Mapping
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from dotenv.parser import Binding, parse_stream
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from iacs.core._database import sqlalchemy_parts
from iacs.core._settings.spelling import did_you_mean, misspelt
from iacs.core.exceptions import ConfigurationError
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


def is_secret(field: FieldInfo) -> bool:
    """Return whether a setting's value must not be shown."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def hint_of(error: "ErrorDetails") -> str:
    """Return the hint of a validator of iacs's own; empty for pydantic's."""
    return str(error.get("ctx", {}).get("hint", ""))


def problem_of(error: "ErrorDetails", field: FieldInfo) -> str:
    """Translate pydantic's error about a setting, such as `'loud' is not one of DEBUG, INFO`."""
    return f"{_quoted(error['input'], field)}{_sentence(error, field)}"


def _quoted(value: Any, field: FieldInfo) -> str:
    if is_secret(field):  # only the scheme of a URL, which is the most common mistake
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


def problems_of_files(
    files: Any, *, must_exist: bool, known: Collection[str], given: Collection[str]
) -> list[str]:
    """Describe the lines of `.env` that are malformed, or have a name that is nearly that of a setting.

    They would be ignored otherwise; `given` are the settings that have a value elsewhere.

    Raises ConfigurationError for a file that cannot be read at all.
    """
    several = files if isinstance(files, list | tuple) else [files]
    paths = [Path(file).expanduser() for file in several if file is not None]
    bindings = [(path, binding) for path in paths for binding in _bindings(path, must_exist=must_exist)]
    names = [binding.key for _, binding in bindings if binding.key]
    typos = misspelt(names, known, {*given, *(name.upper() for name in names)})
    return [
        f"{path}, line {binding.original.line}: {problem}"
        for path, binding in bindings
        if (problem := _problem_of_line(binding, typos))
    ]


def _problem_of_line(binding: Binding, typos: Mapping[str, str]) -> str:
    if binding.error:
        return "write NAME=value, with both quotes or none"
    if binding.key and binding.key in typos:
        return f"there is no setting {binding.key}{did_you_mean([typos[binding.key]])}"
    return ""


def contradictions(config: Any, name: Callable[[str], str]) -> list[str]:
    """Describe settings that are valid alone and contradict each other."""
    protocol = config.kafka_security_protocol
    user, password = name("kafka_sasl_username"), name("kafka_sasl_password")
    setting = f"{name('kafka_security_protocol')}={protocol}"
    credentials = (config.kafka_sasl_username, config.kafka_sasl_password)
    if not config.kafka_bootstrap_servers:
        return []
    if protocol.startswith("SASL") and not all(credentials):
        return [f"{setting} needs {user} and {password}"]
    if not protocol.startswith("SASL") and any(credentials):
        return [f"{user} and {password} are not sent with {setting}; use SASL_SSL, or remove them"]
    return []


def _bindings(path: Path, *, must_exist: bool) -> list[Binding]:
    if path.is_fifo() or not (must_exist or path.exists()):  # a pipe can be read only once
        return []
    text = unreadable = hint = ""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        unreadable, hint = f"{path} is not UTF-8", "save it in that encoding"
    except FileNotFoundError:
        unreadable, hint = f"{path} does not exist", "create it, or pass another _env_file"
    except OSError as error:
        unreadable, hint = f"{path} cannot be read: {error.strerror}", "let this user read it"
    if unreadable:  # raised here, the error has no context: the decoder's error contains the whole file
        raise ConfigurationError([unreadable], hint=hint)
    return list(parse_stream(StringIO(text)))


def shown(name: str, value: Any, field: FieldInfo) -> str:
    """Return a value as text, without secrets."""
    if value is None:
        return ""
    if name == "database_url":
        return redact_text(
            sqlalchemy_parts.make_url(value.get_secret_value()).render_as_string(hide_password=True)
        )
    if is_secret(field):
        return REDACTED if value.get_secret_value() else ""
    return ",".join(value) if isinstance(value, tuple) else redact_text(str(value))
