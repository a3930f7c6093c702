"""Responses to requests that are not answered."""

from collections.abc import Callable
from http import HTTPStatus

from iacs.auth.pages.browser import Browser
from iacs.auth.pages.messages import PageRequest, PageResponse
from iacs.auth.pages.notices import problem


def not_found() -> PageResponse:
    """Refuse an unknown address."""
    return PageResponse(HTTPStatus.NOT_FOUND, problem("Not found", "There is no page at this address."))


def wrong_method() -> PageResponse:
    """Refuse a method that the page does not have."""
    page = problem("Not possible", "This page cannot be requested like that.")
    return PageResponse(HTTPStatus.METHOD_NOT_ALLOWED, page, (("Allow", "GET, POST"),))


def too_large() -> PageResponse:
    """Refuse a form that none of the pages has."""
    return PageResponse(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, problem("Too large", "No form here is as large as this.")
    )


def operators_only() -> PageResponse:
    """Refuse to show the accounts."""
    page = problem(
        "For operators only",
        "The list of accounts is shown to operators of this service only.",
        "If you were asked to sign in, open the link that you received. If you run this service, open the address that"
        " it printed, or sign in to it first.",
    )
    return PageResponse(HTTPStatus.FORBIDDEN, page)


def key_refused() -> PageResponse:
    """Refuse an operator's key."""
    page = problem(
        "This address was used already",
        "Each address with a key opens the accounts in one browser.",
        "If it was this browser, remove the key from the address. If not, open the newest address that iacs auth serve"
        " printed.",
    )
    return PageResponse(HTTPStatus.FORBIDDEN, page)


def not_sent_from_here() -> PageResponse:
    """Refuse a form of another page, or of another browser."""
    page = problem(
        "Please try again",
        "This form was not sent from a page that this browser shows, or the browser does not keep cookies.",
        "Go back, reload the page and try again.",
    )
    return PageResponse(HTTPStatus.FORBIDDEN, page)


def another_browser() -> PageResponse:
    """Refuse the end of a sign-in that this browser did not begin, so that nobody completes that of an attacker."""
    page = problem(
        "Another browser began this sign-in",
        "Nobody was signed in. A sign-in has to end in the browser in which it began, and within a day.",
        "Start it again in this browser.",
    )
    return PageResponse(HTTPStatus.FORBIDDEN, page)


def completed_already(account: str, *, succeeded: bool, is_operator: bool) -> PageResponse:
    """Refuse to complete a sign-in twice."""
    happened = f"{account} was signed in." if succeeded else f"{account} was not signed in then; start again."
    page = problem(
        "This sign-in was completed already", happened, "Reloading does nothing.", is_operator=is_operator
    )
    return PageResponse(HTTPStatus.CONFLICT, page)


def bad_link() -> PageResponse:
    """Refuse a reconnect link."""
    page = problem(
        "This link is no longer valid",
        "It has expired, was used already, or was opened in another browser before.",
        "Ask whoever sent it to you for a new one.",
    )
    return PageResponse(HTTPStatus.GONE, page)


def form_refusal(request: PageRequest, browser: Browser) -> PageResponse | None:
    """Return why an operator's form is not accepted; None if it is."""
    checks: list[tuple[bool, Callable[[], PageResponse]]] = [
        (request.is_operator, operators_only),
        (browser.sent(request), not_sent_from_here),
    ]
    return next((refuse() for accepted, refuse in checks if not accepted), None)
