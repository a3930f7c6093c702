"""The page for operators: every account, what its grant is good for, and what can be done."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from iacs.auth.collaborators import Account
from iacs.auth.pages.markup import EMPTY, Html, fill, form, join, moment, paragraphs

_UNUSED = timedelta(days=90)
"""After which Entra ID ends a refresh token that nobody used."""

MAX_SHOWN = 200
"""So that a page takes milliseconds, however many accounts there are."""

_FEW = 12

_BADGES = {
    "sign_in_required": ("bad", "Sign-in required"),
    "enrolled": ("calm", "Not signed in yet"),
    "active": ("good", "Signed in"),
    "disabled": ("calm", "Disabled"),
}
_ORDER = list(_BADGES)
_EMPTY_LIST = Html(
    '<p class="card">No account is enrolled. Enrol one with <code>iacs account add EMAIL</code>.</p>'
)


def account_list(
    accounts: Sequence[Account], renewed: Mapping[str, datetime], *, token: str, search: str = ""
) -> Html:
    """Return the list; accounts that need a sign-in come first. `renewed` is when each grant was last renewed."""
    ordered = sorted(accounts, key=lambda account: (_ORDER.index(account.status), account.email))
    words = search.lower().split()
    matching = [account for account in ordered if _matches(account, words)]
    items = join(_account(account, renewed.get(account.id), token=token) for account in matching[:MAX_SHOWN])
    return fill(
        '<header><h1>Accounts</h1><p class="soft">{summary}</p>{search}</header>{list}',
        summary=_summary(accounts),
        search=_search(search, len(matching)) if len(accounts) > _FEW else EMPTY,
        list=fill('<ul class="accounts">{items}</ul>', items=items) if accounts else _EMPTY_LIST,
    )


def _matches(account: Account, words: Sequence[str]) -> bool:
    text = f"{account.email} {account.name} {account.status}".lower()
    return all(word in text for word in words)


def _search(search: str, number: int) -> Html:
    """Return the field that finds accounts, and how many were found and are not shown."""
    missing = f"The first {MAX_SHOWN} of {number} are shown; search for others." if number > MAX_SHOWN else ""
    return fill(
        '<form method="get" action="./" role="search" class="row"><label for="search" class="hidden">Search</label>'
        '<input id="search" type="search" name="search" value="{search}" placeholder="Address or name">'
        "<button>Search</button></form>{missing}",
        search=search,
        missing=paragraphs(missing or (f"{number} found." if search else "")),
    )


def _summary(accounts: Sequence[Account]) -> str:
    number = len(accounts)
    lost = sum(account.status == "sign_in_required" for account in accounts)
    new = sum(account.status == "enrolled" and account.access == "delegated" for account in accounts)
    parts = [f"{number} account{'' if number == 1 else 's'}"]
    parts += [f"{lost} need{'s' if lost == 1 else ''} a sign-in"] if lost else []
    parts += [f"{new} not signed in yet"] if new else []
    return f"{', '.join(parts if lost or new else [*parts, 'none needs a sign-in'])}."


def _account(account: Account, renewed: datetime | None, *, token: str) -> Html:
    kind, label = _badge(account)
    lines = [account.name, _grant(account, renewed)]
    signs_in = account.access == "delegated" and account.status != "disabled"
    return fill(
        '<li class="card"><div class="row"><div><h2><bdi>{email}</bdi></h2>{lines}'
        '<span class="badge {kind}">{label}</span></div>{button}</div>{more}</li>',
        email=account.email,
        lines=join(fill('<p class="soft"><bdi>{text}</bdi></p>', text=text) for text in lines if text),
        kind=kind,
        label=label,
        button=_sign_in(account, token) if signs_in else EMPTY,
        more=_more(account, token) if signs_in else EMPTY,
    )


def _badge(account: Account) -> tuple[str, str]:
    if account.access != "delegated" and account.status in ("enrolled", "active"):
        return ("good", "In use") if account.status == "active" else ("calm", "Not opened yet")
    return _BADGES[account.status]


def _grant(account: Account, renewed: datetime | None) -> Html:
    if account.access == "shared":
        return fill("Shared mailbox, opened by {via}.", via=account.via)
    if account.access == "application":
        return Html("Opened by the application itself.")
    if account.status == "sign_in_required":
        return Html("Microsoft refuses to renew the access.")
    if renewed is None:
        return EMPTY
    return fill(
        "Renewed {renewed}; expires {expires} if it is not used until then.",
        renewed=moment(renewed),
        expires=moment(renewed + _UNUSED),
    )


def _sign_in(account: Account, token: str) -> Html:
    label = fill(
        '{text}<span class="hidden"> to {email}</span>',
        text="Sign in again" if account.status == "active" else "Sign in",
        email=account.email,
    )
    primary = account.status != "active"
    return form("sign-in", label, token=token, primary=primary, account=account.email)


def _more(account: Account, token: str) -> Html:
    suffix = fill('<span class="hidden"> for {email}</span>', email=account.email)
    link = form(
        "link", fill("Create a reconnect link{suffix}", suffix=suffix), token=token, account=account.email
    )
    sign_out = EMPTY
    if account.status != "enrolled":
        sign_out = fill(
            "<p>Signing out deletes the stored tokens; stored mail is kept.</p>{form}",
            form=form(
                "sign-out", fill("Sign out{suffix}", suffix=suffix), token=token, account=account.email
            ),
        )
    return fill(
        "<details><summary>More{suffix}</summary><p>A reconnect link lets this person sign in from anywhere, without"
        " seeing any other account.</p>{link}{sign_out}</details>",
        suffix=suffix,
        link=link,
        sign_out=sign_out,
    )
