"""HTML that escapes every value, and the frame of each page."""

import base64
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib.resources import files

from iacs.redaction import safe_for_terminal


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


EMPTY = Html()


def fill(template: str, **values: object) -> Html:
    """Return a template with its values, escaped unless they are HTML; control characters are shown as escapes."""
    texts = {name: value if isinstance(value, Html) else _text(value) for name, value in values.items()}
    return Html(template.format(**texts))


def join(parts: Iterable[Html]) -> Html:
    """Return several pieces of HTML as one."""
    return Html("".join(parts))


def paragraphs(*texts: str) -> Html:
    """Return a paragraph for each text that is not empty."""
    return join(fill("<p>{text}</p>", text=text) for text in texts if text)


def moment(instant: datetime) -> Html:
    """Return an instant in words."""
    at = instant.astimezone(UTC)
    return fill(
        '<time datetime="{iso}">{text}</time>', iso=at.isoformat(), text=f"{at.day} {at:%b %Y, %H:%M} UTC"
    )


def form(action: str, label: Html, *, token: str, primary: bool = False, **fields: str) -> Html:
    """Return a form of one button; `action` is relative to the page."""
    hidden = join(
        fill('<input type="hidden" name="{name}" value="{value}">', name=name, value=value)
        for name, value in {"token": token, **fields}.items()
        if value
    )
    return fill(
        '<form method="post" action="{action}">{hidden}<button{kind}>{label}</button></form>',
        action=action,
        hidden=hidden,
        kind=Html(' class="primary"' if primary else ""),
        label=label,
    )


def document(title: str, main: Html, *, head: Html = EMPTY, wide: bool = False) -> str:
    """Return a whole page."""
    page = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">{head}<style>{style}</style></head>
<body><main class="{width}">{main}</main></body></html>
"""
    return fill(
        page, title=title, main=main, head=head, style=Html(_style()), width="wide" if wide else "narrow"
    )


@cache
def security_headers() -> tuple[tuple[str, str], ...]:
    """Return the headers of every page: nothing is loaded, and only this site may be posted to."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", "; ".join(f"{name} {value}" for name, value in policy.items())),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    )


def _text(value: object) -> str:
    return escape(safe_for_terminal(str(value)))


@cache
def _style() -> str:
    return files("iacs.auth.pages").joinpath("style.css").read_text("utf-8").strip()
