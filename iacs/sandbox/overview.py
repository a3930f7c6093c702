"""The page at `/`: people, mailboxes, grants and the last requests, without tokens and secrets."""

import base64
import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files

from aiohttp import web

from iacs.sandbox.cloud import CLOUD, Cloud, RecordedRequest, origin
from iacs.sandbox.directory import Person
from iacs.sandbox.entra.token_issuer import Grant, Issued
from iacs.sandbox.tables import Html, html, lines, table, tag

_SHOWN = 50
_LONGEST = 36
"""Characters of a path segment; ids of messages are longer."""


async def page(request: web.Request) -> web.Response:
    """Return the page, which needs no script."""
    cloud = request.app[CLOUD]
    style = files("iacs.sandbox").joinpath("style.css").read_text("utf-8")
    sections = (_people(cloud), _mailboxes(cloud), _grants(cloud), _requests(cloud))
    text = (
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Stand-in cloud</title>"
        f'<meta name=viewport content="width=device-width, initial-scale=1"><style>{style}</style></head>'
        f"<body>{_header(request)}<main>{''.join(sections)}</main></body></html>"
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=text, content_type="text/html", headers=headers)


def _header(request: web.Request) -> str:
    cloud, host = request.app[CLOUD], origin(request)
    facts = {
        "Authority": host,
        "Graph": f"{host}/v1.0",
        "Tenant": cloud.directory.tenant_id,
        "Client": cloud.registration.client_id,
    }
    items = "".join(f"<dt>{html(name)}</dt><dd>{html(value)}</dd>" for name, value in facts.items())
    return (
        '<header><h1>Stand-in cloud</h1><a href="/">Reload</a></header>'
        "<p class=quiet>A local Entra ID and Microsoft Graph for tests. It checks no passwords.</p>"
        f"<dl>{items}</dl>"
    )


def _people(cloud: Cloud) -> Html:
    heads = ("Name", "Address", "Directory", "Sign-in")
    rows = ((person.name, _names(person), _tenant(cloud, person), _state(cloud, person)) for person in cloud.directory.people)  # fmt: skip
    return table("People", heads, rows, empty="There is nobody.")


def _names(person: Person) -> Html:
    signs_in = f"signs in as {person.sign_in_name}" if person.sign_in_name else ""
    aliases = f"also {', '.join(person.aliases)}" if person.aliases else ""
    small = [Html(f"<small>{html(text)}</small>") for text in (signs_in, aliases) if text]
    return lines([person.address, *small])


def _tenant(cloud: Cloud, person: Person) -> Html:
    if person.is_personal:
        return tag("note", "personal")
    names = (name for name, tenant_id in cloud.directory.domains.items() if tenant_id == person.tenant_id)
    guest = tag("note", "guest") if person.is_guest else Html()
    return Html(f"{html(next(names, person.tenant_id))} {guest}")


def _state(cloud: Cloud, person: Person) -> Html:
    refusal = cloud.refusal(person)
    if refusal is None:
        return tag("good", "allowed")
    return lines([tag("bad", f"AADSTS{refusal.number}"), Html(f"<small>{html(refusal.message)}</small>")])


def _mailboxes(cloud: Cloud) -> Html:
    heads = ("Mailbox", "Messages", "Folders", "Also opened by")
    owners = [person for person in cloud.directory.people if not person.is_guest]
    rows = (
        (person.address, f"{len(person.mailbox.messages):,}", _folders(person), _openers(cloud, person))
        for person in owners
    )
    return table("Mailboxes", heads, rows, empty="There are no mailboxes.")


def _folders(person: Person) -> str:
    counts = {folder.name: len(folder.messages) for folder in person.mailbox.folders.values()}
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)


def _openers(cloud: Cloud, person: Person) -> str:
    address, permissions = person.address.lower(), cloud.permissions
    people = sorted(opener for mailbox, opener in permissions.full_access if mailbox == address)
    policy = permissions.application_policy
    by_application = (
        not person.is_personal
        and cloud.consents.admits_application(person.tenant_id)
        and (policy is None or address in policy)
    )
    return ", ".join([*people, *(["the application"] if by_application else [])])


def _grants(cloud: Cloud) -> Html:
    access, refresh = _newest(cloud.issuer.access_tokens), _newest(cloud.issuer.refresh_tokens)
    families = sorted(access | refresh, key=lambda family: access[family].expires_at, reverse=True)[:_SHOWN]
    heads = ("Who", "Permissions", "Refresh token", "Access token")
    rows = ((*_grantee(access[family].grant), _refresh_token(cloud, refresh.get(family)), _validity(cloud, access[family])) for family in families)  # fmt: skip
    return table("Grants", heads, rows, empty="Nobody has signed in.")


def _newest(tokens: Mapping[str, Issued]) -> dict[str, Issued]:
    """Return the newest token of each sign-in."""
    return {issued.grant.family: issued for issued in tokens.values()}


def _grantee(grant: Grant) -> tuple[str, str]:
    scopes = sorted({scope.rpartition("/")[2] for scope in grant.scopes})
    return grant.person.address if grant.person else "the application", " ".join(scopes)


def _refresh_token(cloud: Cloud, issued: Issued | None) -> Html:
    refusal = cloud.issuer.end(issued) if issued else None
    if issued is None:
        return tag("", "none")
    return tag("bad", f"AADSTS{refusal.number}") if refusal else _validity(cloud, issued)


def _validity(cloud: Cloud, issued: Issued) -> Html:
    if cloud.issuer.is_revoked(issued):
        return tag("bad", "revoked")
    left = issued.expires_at - time.time()
    return tag("good", f"{_duration(left)} left") if left > 0 else tag("note", "expired")


def _requests(cloud: Cloud) -> Html:
    hidden = {*cloud.issuer.secrets, *(secret.value for secret in cloud.registration.secrets)}
    heads = ("When", "Request", "Who", "Status")
    rows = ((_age(record), _request(record, hidden), _who(cloud, record), _status(record)) for record in _last(cloud))  # fmt: skip
    return table("Last requests", heads, rows, empty="There were no requests.")


def _last(cloud: Cloud) -> Iterator[RecordedRequest]:
    return reversed(cloud.requests[-_SHOWN:])


def _age(record: RecordedRequest) -> str:
    return f"{_duration(time.monotonic() - record.at)} ago"


def _request(record: RecordedRequest, hidden: Iterable[str]) -> Html:
    path = record.path
    for secret in hidden:
        path = path.replace(secret, "[secret]")
    short = "/".join(part if len(part) <= _LONGEST else f"{part[:12]}…" for part in path.split("/"))
    grant = Html(f"<small>{html(record.grant_type[:60])}</small>") if record.grant_type else ""
    return lines([Html(f"<code>{html(record.method)} {html(short)}</code>"), grant])


def _who(cloud: Cloud, record: RecordedRequest) -> str:
    return "the application" if record.user == cloud.registration.client_id else record.user or ""


def _status(record: RecordedRequest) -> Html:
    if not record.status:
        return tag("bad", "no response")
    return tag("good" if record.status < 400 else "bad", str(record.status))


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
