"""The end of a sign-in: the page to which Microsoft redirects the browser."""

from pydantic import SecretStr

from iacs.auth.links import ReconnectLinks
from iacs.auth.pages import notices, refusals
from iacs.auth.pages.browser import Browser, Cookies, Ticket
from iacs.auth.pages.markup import EMPTY, Html, form
from iacs.auth.pages.messages import PageRequest, PageResponse
from iacs.auth.pages.outcomes import Outcome, outcome_of
from iacs.auth.schema import AuthorizationCallback
from iacs.auth.service import AuthService
from iacs.core.exceptions import (
    AccountError,
    AuthenticationError,
    DatabaseError,
    IACSGraphError,
    SignInExpiredError,
)
from iacs.core.logger import Logger


class Callback:
    """The page that completes sign-ins, and says what became of them."""

    def __init__(
        self, service: AuthService, links: ReconnectLinks, cookies: Cookies, *, logger: Logger
    ) -> None:
        self._service = service
        self._links = links
        self._cookies = cookies
        self._logger = logger

    async def answer(self, request: PageRequest, browser: Browser) -> PageResponse:
        """Complete a sign-in in the browser that began it, once; then show its result."""
        state = request.query["state"]
        ticket = Ticket.of(request, self._cookies, state=state)
        if ticket is None:
            return refusals.another_browser()
        if ticket.outcome:
            succeeded = ticket.outcome == "succeeded"
            return refusals.completed_already(
                ticket.account, succeeded=succeeded, is_operator=request.is_operator
            )
        try:
            result = await self._service.complete(_callback(request))
        except Exception as error:  # noqa: BLE001 - the browser has to show that it failed, whatever the cause
            return self.failed(request, browser, error, ticket=ticket, state=state)
        if ticket.link:
            await self._end_link(ticket)
        page = notices.signed_in(result, has_home=request.is_operator)
        return PageResponse(200, page, (ticket.ended(self._cookies, "succeeded", state=state),))

    async def _end_link(self, ticket: Ticket) -> None:
        try:
            await self._links.end(ticket.link)
        except DatabaseError as error:  # the sign-in succeeded all the same, and the link expires
            self._logger.warning("reconnect link not ended", account=ticket.account, problem=str(error))

    def failed(
        self, request: PageRequest, browser: Browser, error: Exception, *, ticket: Ticket, state: str = ""
    ) -> PageResponse:
        """Return the page about an error; without a `state` the sign-in did not begin."""
        outcome = outcome_of(error, ticket.account, is_operator=request.is_operator)
        self._log(error, ticket.account, status=outcome.status)
        again = _again(outcome, ticket, browser) if request.is_operator or ticket.link else EMPTY
        page = notices.failed(outcome, again, is_operator=request.is_operator, has_home=request.is_operator)
        headers = (ticket.ended(self._cookies, "failed", state=state),) if state and _is_final(error) else ()
        return PageResponse(outcome.status, page, headers)

    def _log(self, error: Exception, account: str, *, status: int) -> None:
        if not isinstance(error, IACSGraphError):
            self._logger.error("sign-in page failed", account=account, exc_info=error)
        elif status >= 500:
            self._logger.error("sign-in page failed", account=account, problem=error.message_with_hint)
        else:
            self._logger.warning("sign-in refused", account=account, error=error.code, problem=str(error))


def _is_final(error: Exception) -> bool:
    """Return whether a reload would change nothing; an outage may pass, and another request may have completed it."""
    return isinstance(error, AuthenticationError | AccountError) and not isinstance(error, SignInExpiredError)


def _callback(request: PageRequest) -> AuthorizationCallback:
    query = request.query
    return AuthorizationCallback(
        state=SecretStr(query["state"]),
        code=SecretStr(query["code"]) if "code" in query else None,
        error=query.get("error", ""),
        error_description=query.get("error_description", ""),
    )


def _again(outcome: Outcome, ticket: Ticket, browser: Browser) -> Html:
    """Return the form that begins the sign-in again, where that may help."""
    if not outcome.again:
        return EMPTY
    label = Html("Choose another Microsoft account" if outcome.choose else "Start again")
    fields = {"link": ticket.link} if ticket.link else {"account": ticket.account}
    return form(
        "reconnect" if ticket.link else "sign-in",
        label,
        token=browser.form_token,
        primary=True,
        prompt="select_account" if outcome.choose else "",
        **fields,
    )
