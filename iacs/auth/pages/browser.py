"""What ties requests to one browser: its secret, the tokens of its forms, and the sign-ins that it began."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, Self

from iacs.auth.pages.messages import PageRequest

_BROWSER_SECONDS = 30 * 24 * 3600
_SIGN_IN_SECONDS = 24 * 3600


class Cookies:
    """Names and attributes of the cookies; over https their names keep other hosts from setting them.

    They are sent to every path, since the redirect address need not be below the pages.
    """

    def __init__(self, *, secure: bool, name: str = "iacs") -> None:
        self._secure = secure
        self._prefix = f"__Host-{name}" if secure else name

    def name(self, suffix: str) -> str:
        """Return the name of a cookie."""
        return f"{self._prefix}-{suffix}"

    def header(self, suffix: str, value: str, *, seconds: int) -> tuple[str, str]:
        """Return the header that sets a cookie, readable by the server alone."""
        secure = "; Secure" if self._secure else ""
        text = f"{self.name(suffix)}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
        return "Set-Cookie", text


@dataclass(frozen=True)
class Browser:
    """One browser, known by a random secret in a cookie."""

    cookies: Cookies
    secret: str = field(repr=False)
    is_new: bool = False

    @classmethod
    def of(cls, request: PageRequest, cookies: Cookies) -> Self:
        """Return the browser that sent a request; a new one if it has no secret yet."""
        secret = request.cookies.get(cookies.name("browser"), "")
        return cls(cookies, secret or secrets.token_urlsafe(32), is_new=not secret)

    @property
    def form_token(self) -> str:
        """The value that each form repeats, which a page of another origin cannot know."""
        return hmac.digest(self.secret.encode(), b"form", "sha256").hex()

    def sent(self, request: PageRequest) -> bool:
        """Return whether a form was sent from a page that this browser was shown."""
        if self.is_new or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        return hmac.compare_digest(request.form.get("token", "").encode(), self.form_token.encode())

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The header that gives a new browser its secret."""
        if not self.is_new:
            return ()
        return (self.cookies.header("browser", self.secret, seconds=_BROWSER_SECONDS),)


@dataclass(frozen=True)
class Ticket:
    """A sign-in that a browser began: the account, the reconnect link that led to it, and what became of it."""

    account: str
    link: str = field(default="", repr=False)
    outcome: Literal["", "succeeded", "failed"] = ""

    @classmethod
    def of(cls, request: PageRequest, cookies: Cookies, *, state: str) -> Self | None:
        """Return the ticket of a state; None if this browser did not begin it."""
        text, _, mac = request.cookies.get(cookies.name(_suffix(state)), "").partition(".")
        if not hmac.compare_digest(_mac(state, text).encode(), mac.encode()):
            return None
        fields: Mapping[str, str] = json.loads(base64.urlsafe_b64decode(text + "=="))
        return cls(**fields)  # type: ignore[arg-type]

    def ended(
        self, cookies: Cookies, outcome: Literal["succeeded", "failed"], *, state: str
    ) -> tuple[str, str]:
        """Return the header that stores what became of the sign-in."""
        return replace(self, outcome=outcome).header(cookies, state=state)

    def header(self, cookies: Cookies, *, state: str) -> tuple[str, str]:
        """Return the header that stores the ticket in the browser, authenticated with the state."""
        text = base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode().rstrip("=")
        return cookies.header(_suffix(state), f"{text}.{_mac(state, text)}", seconds=_SIGN_IN_SECONDS)


def _suffix(state: str) -> str:
    return f"sign-in-{hashlib.sha256(b'cookie ' + state.encode()).hexdigest()[:16]}"


def _mac(state: str, text: str) -> str:
    return hmac.digest(state.encode(), text.encode(), "sha256").hex()
