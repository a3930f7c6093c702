"""How a setting's value may be shown to anybody."""

from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from sqlalchemy import make_url

from iacs.core.secret_text import redact_text
from iacs.core.setting_problems import is_secret


def shown(name: str, value: Any, field: FieldInfo) -> str:
    """Return the text of a value, without what is secret in it."""
    if value is None:
        return ""
    if name == "database_url":
        return _without_password(value)
    if is_secret(field):
        return str(value)
    return ",".join(value) if isinstance(value, tuple) else redact_text(str(value))


def _without_password(url: SecretStr) -> str:
    return redact_text(make_url(url.get_secret_value()).render_as_string(hide_password=True))
