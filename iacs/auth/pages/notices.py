"""The pages with one message: results of sign-ins, reconnect links, and requests that cannot be answered."""

from collections.abc import Sequence
from urllib.parse import quote

from iacs.auth.collaborators import Account
from iacs.auth.links import ReconnectLink
from iacs.auth.pages.markup import EMPTY, Html, document, fill, form, join, moment, paragraphs
from iacs.auth.pages.outcomes import Outcome
from iacs.auth.schema import SignedIn

_MARKS = {"good": "✓", "bad": "!", "": "→"}
_HOME = Html('<p class="actions"><a href="./">Back to the accounts</a></p>')


def notice(title: str, body: Html, *, kind: str = "", head: Html = EMPTY) -> str:
    """Return a page with one message; `kind` is good, bad or neither."""
    main = fill(
        '<div class="card"><h1><span class="mark {kind}" aria-hidden="true">{mark}</span>{title}</h1>{body}</div>',
        kind=kind,
        mark=_MARKS[kind],
        title=title,
        body=body,
    )
    return document(title, main, head=head)


def problem(title: str, *texts: str, is_operator: bool = False) -> str:
    """Return a page that says why a request was not answered."""
    return notice(title, join([paragraphs(*texts), _HOME if is_operator else EMPTY]), kind="bad")


def signed_in(result: SignedIn, *, has_home: bool) -> str:
    """Return the page at the end of a sign-in that succeeded; `has_home` says whether the list can be shown."""
    who = f"{result.name or result.username or 'You'} signed in to"
    text = fill("<p>{who} <bdi>{account}</bdi>.</p>", who=who, account=result.account)
    end = _HOME if has_home else Html("<p>You can close this window.</p>")
    return notice("Signed in", join([text, paragraphs(result.warning), end]), kind="good")


def failed(outcome: Outcome, again: Html = EMPTY, *, is_operator: bool, has_home: bool) -> str:
    """Return the page at the end of a sign-in that failed; `again` is the form that repeats it."""
    rows = join(
        [_codes(outcome.codes)]
        + [fill("<dt>{name}</dt><dd>{text}</dd>", name=name, text=text) for name, text in outcome.details]
    )
    details = EMPTY
    if rows:
        details = fill(
            "<details{open}><summary>Details for the administrator</summary><dl>{rows}</dl></details>",
            open=Html(" open" if is_operator else ""),
            rows=rows,
        )
    actions = fill('<div class="actions">{again}</div>', again=again) if again else EMPTY
    home = _HOME if has_home else EMPTY
    body = join([paragraphs(outcome.text, outcome.remedy), actions, details, home])
    return notice(outcome.title, body, kind="bad")


def _codes(codes: Sequence[int]) -> Html:
    """Return the AADSTS numbers, each with a link to what Microsoft says about it."""
    if not codes:
        return EMPTY
    links = (
        fill(
            '<a href="https://login.microsoftonline.com/error?code={code}" rel="noreferrer">AADSTS{code}</a>',
            code=code,
        )
        for code in codes
    )
    return fill("<dt>Error number</dt><dd>{links}</dd>", links=Html(", ".join(links)))


def to_microsoft(url: str, account: str) -> str:
    """Return the page that leads on to Microsoft at once.

    A redirect would count as a part of the form's submission, which the policy of the pages allows to this site only,
    and a directory may redirect further to any identity provider of its own.
    """
    head = fill('<meta http-equiv="refresh" content="0; url={url}">', url=url)
    body = fill(
        "<p>Sign in there as <bdi>{account}</bdi>.</p>"
        '<p class="actions"><a class="button" href="{url}">Continue to Microsoft</a></p>',
        account=account,
        url=url,
    )
    return notice("Continue to Microsoft", body, head=head)


def reconnect(account: Account, link: str, *, token: str) -> str:
    """Return the page of a reconnect link."""
    states = {"active": "is signed in.", "sign_in_required": "has to be signed in again."}
    body = fill(
        "<p>The mailbox <bdi>{email}</bdi> {state}</p><p>Sign in with Microsoft as <bdi>{person}</bdi>, so that this"
        ' service can read its mail.</p><div class="actions">{form}</div>',
        email=account.email,
        state=states.get(account.status, "is not signed in yet."),
        person=account.username or account.email,
        form=form("reconnect", Html("Sign in with Microsoft"), token=token, primary=True, link=link),
    )
    return notice("Connect your mailbox", body)


def link_created(link: ReconnectLink) -> str:
    """Return the page that shows a new reconnect link, once."""
    mail = f"mailto:{quote(link.account)}?subject={quote('Connect your mailbox')}&body={quote(link.url, safe='')}"
    body = fill(
        '<p>Send it to <bdi>{account}</bdi> and to nobody else.</p><label for="url" class="soft">Link</label>'
        '<textarea id="url" class="url" rows="3" readonly>{url}</textarea><p class="soft">Valid until {expires}, for one sign-in. It is'
        ' not shown again.</p><p class="actions"><a class="button" href="{mail}">Write an email</a>'
        '<a href="./">Back to the accounts</a></p>',
        account=link.account,
        url=link.url,
        expires=moment(link.expires_at),
        mail=mail,
    )
    return notice("Reconnect link", body, kind="good")


def signed_out(account: str) -> str:
    """Return the page after a sign-out."""
    body = fill(
        "<p><bdi>{account}</bdi> is signed out, and its tokens are deleted.</p>{home}",
        account=account,
        home=_HOME,
    )
    return notice("Signed out", body, kind="good")
