"""Types of settings; their messages continue the value: `'x' must be …`."""

import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from iacs.core._oauth.tenant import is_tenant
from iacs.core.events import is_topic_name
from iacs.core.exceptions import ConfigurationError
from iacs.core.key_provider import NEW_KEY_HINT, read_keys

_NO_URL = "must be a URL such as https://host.example, or http://localhost:8400 on this machine"


def _database_url(value: SecretStr) -> SecretStr:
    from iacs.core._database.engine import parse_url  # SQLAlchemy is heavy, and the default needs no check

    try:
        parse_url(value.get_secret_value())
    except ConfigurationError as error:
        raise _refusal(error.problems[0].removeprefix("DATABASE_URL "), error.hint) from None
    return value


def _refusal(problem: str, hint: str) -> PydanticCustomError:
    """Return an error for pydantic with a hint; `problem` completes "the value …"."""
    return PydanticCustomError("value_error", "{error}", {"error": problem, "hint": hint})


def _wrapping_keys(value: SecretStr | None) -> SecretStr | None:
    try:
        read_keys(value.get_secret_value() if value else "")
    except ValueError as error:
        raise _refusal(str(error), NEW_KEY_HINT) from None
    return value


def _check(accepts: Callable[[str], object], requirement: str) -> AfterValidator:
    """Return a check of a value by a predicate; `requirement` completes "the value …"."""

    def check(value: str) -> str:
        if not accepts(value):
            raise ValueError(requirement)
        return value

    return AfterValidator(check)


def _servers(value: tuple[str, ...]) -> tuple[str, ...]:
    for server in value:
        host, _, port = server.rpartition(":")
        is_port = re.fullmatch(r"[0-9]{1,5}", port) is not None and 0 < int(port) <= 65535
        if not is_port or not re.fullmatch(r"[\w.-]+|\[[\w:.%]+\]", host):
            shown = server.rpartition("@")[2]
            raise ValueError(f"{shown!r} must be host:port, such as localhost:9092")
    return value


def _redirect_uri(value: str) -> str:
    """Require https, since tokens and secrets are sent there; plain http is for this machine only."""
    try:
        url = urlsplit(value)
        well_formed = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:  # a port that is not a number, half of an IPv6 address
        raise ValueError(_NO_URL) from None
    if not well_formed or re.search(r"\s", value):
        raise ValueError(_NO_URL)
    if url.username is not None:
        raise ValueError("must not hold a user name or password")
    if url.scheme == "http" and not _is_loopback(url.hostname or ""):
        raise ValueError("must begin with https:// (http:// is for a stand-in on this machine)")
    return value


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _in_any_case(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Accept any case: the choices are all in upper or all in lower case; report the value as given."""
    for spelling in (str(value).upper(), str(value).lower()):
        with suppress(ValidationError):
            return check(spelling)
    return check(value)


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
WrappingKeys = Annotated[SecretStr | None, AfterValidator(_wrapping_keys)]
Servers = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_servers)]
CloudUrl = Annotated[str, AfterValidator(lambda value: _redirect_uri(value).rstrip("/"))]
RedirectUri = Annotated[str, AfterValidator(_redirect_uri)]
Tenant = Annotated[
    str, _check(is_tenant, "must be a directory id, a domain, common, organizations or consumers")
]
UriReference = Annotated[
    str,
    _check(
        re.compile(r"[!-~]+").fullmatch,
        "must be a URI of ASCII characters without spaces, such as urn:example:billing",
    ),
]
TopicName = Annotated[str, _check(is_topic_name, "must be up to 249 letters, digits, '.', '_' and '-'")]
AnyCase = WrapValidator(_in_any_case)
