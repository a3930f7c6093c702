"""The HTML pages; values from the client are escaped."""

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import urlencode

from aiohttp import web

from iacs.sandbox.directory import Person

_STYLE = """<meta name=viewport content="width=device-width"><meta name=color-scheme content="light dark">
<style>body { font: 1.1rem/1.8 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1.5rem }
input, button { font: inherit }</style>"""


def _page(title: str, body: str, *, status: int = 200) -> web.Response:
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>{_STYLE}"
    text = f"{head}<h1>{escape(title)}</h1>{body}"
    return web.Response(text=text, content_type="text/html", status=status)


def choose_person(people: Iterable[Person], path: str, query: Mapping[str, str]) -> web.Response:
    """Return a page with a link per person, which repeats the request with a login_hint."""

    def link(person: Person) -> str:
        hint = urlencode({**query, "login_hint": person.address})
        return f'<li><a href="{escape(path)}?{escape(hint)}">{escape(person.address)}</a></li>'

    return _page("Pick an account", f"<ul>{''.join(map(link, people))}</ul>")


def ask_consent(whom: str, permissions: Iterable[str], path: str, query: Mapping[str, str]) -> web.Response:
    """Return a page with the requested permissions, whose links repeat the request with a decision."""
    items = "".join(f"<li>{escape(permission)}</li>" for permission in sorted(permissions))
    links = " &nbsp; ".join(
        f'<a href="{escape(path)}?{escape(urlencode({**query, "decision": decision}))}">{label}</a>'
        for decision, label in (("accept", "Accept"), ("deny", "Cancel"))
    )
    return _page(f"Permissions requested {whom}".strip(), f"<ul>{items}</ul><p>{links}</p>")


def need_approval(permissions: Iterable[str], path: str, query: Mapping[str, str]) -> web.Response:
    """Return the page for permissions to which only an administrator can consent."""
    back = escape(urlencode({**query, "decision": "deny"}))
    link = f'<a href="{escape(path)}?{back}">Return to the application without granting consent</a>'
    names = escape(", ".join(sorted(permissions)))
    return _page("Need admin approval", f"<p>Only an administrator can grant: {names}.</p><p>{link}</p>")


def message(title: str, text: str, *, status: int = 200) -> web.Response:
    """Return a page with a message."""
    return _page(title, f"<p>{escape(text)}</p>", status=status)


def enter_code(path: str) -> web.Response:
    """Return a page that asks for a user code."""
    return _page(
        "Enter code", f'<form action="{escape(path)}"><input name=otc autofocus><button>Next</button></form>'
    )


def form_post(action: str, fields: Mapping[str, str]) -> web.Response:
    """Return a page that posts the fields to the application when it is loaded."""
    inputs = "".join(
        f'<input type=hidden name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    form = f'<form method=post action="{escape(action)}">{inputs}<noscript><button>Continue</button></noscript></form>'
    return _page("Working...", f"{form}<script>document.forms[0].submit()</script>")
