"""What each page answers."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from iacs.auth.collaborators import Accounts
from iacs.auth.links import ReconnectLinks
from iacs.auth.pages import notices, refusals
from iacs.auth.pages.account_list import account_list
from iacs.auth.pages.browser import Browser, Cookies, Ticket
from iacs.auth.pages.callback import Callback
from iacs.auth.pages.markup import document, security_headers
from iacs.auth.pages.messages import MAX_BODY_BYTES, PageRequest, PageResponse
from iacs.auth.service import AuthService
from iacs.core.exceptions import SignInExpiredError
from iacs.core.logger import Logger
from iacs.core.token_service import TokenService

Page = Callable[[PageRequest, Browser], Awaitable[PageResponse]]


class SignInPages:
    """The pages, which are all beside `redirect_uri`, whatever serves them.

    They begin sign-ins, and complete each in the browser that began it. Whoever serves them decides who is an operator;
    other people see the account of their reconnect link only.
    """

    def __init__(
        self,
        service: AuthService,
        links: ReconnectLinks,
        accounts: Accounts,
        token_service: TokenService,
        *,
        redirect_uri: str,
        logger: Logger,
    ) -> None:
        self._service = service
        self._links = links
        self._accounts = accounts
        self._token_service = token_service
        self._cookies = Cookies(secure=urlsplit(redirect_uri).scheme == "https")
        self._callback = Callback(service, links, self._cookies, logger=logger)
        self._pages: dict[tuple[str, str], Page] = {
            ("GET", ""): self._list,
            ("GET", "reconnect"): self._reconnect,
            ("POST", "reconnect"): self._use_link,
            ("POST", "sign-in"): self._sign_in,
            ("POST", "sign-out"): self._sign_out,
            ("POST", "link"): self._link,
        }

    async def answer(self, request: PageRequest) -> PageResponse:
        """Answer a request; errors become pages as well."""
        browser = Browser.of(request, self._cookies)
        try:
            response = await self._answer(request, browser)
        except Exception as error:  # noqa: BLE001 - the last handler: a page must not show what an error held
            account = request.form.get("account", "") or "the account"
            response = self._callback.failed(request, browser, error, ticket=Ticket(account))
        return response.after(*security_headers(), *browser.headers)

    async def _answer(self, request: PageRequest, browser: Browser) -> PageResponse:
        if len(request.body) > MAX_BODY_BYTES:
            return refusals.too_large()
        if request.method == "GET" and "state" in request.query:
            return await self._callback.answer(request, browser)
        page = self._pages.get((request.method, request.page))
        if page is not None:
            return await page(request, browser)
        known = {name for _, name in self._pages}
        return refusals.wrong_method() if request.page in known else refusals.not_found()

    async def _list(self, request: PageRequest, browser: Browser) -> PageResponse:
        if not request.is_operator:
            return refusals.operators_only()
        accounts = await self._accounts.list()
        renewed = await self._token_service.last_renewals()
        search = request.query.get("search", "")
        main = account_list(accounts, renewed, token=browser.form_token, search=search)
        return PageResponse(200, document("Accounts", main, wide=True))

    async def _sign_in(self, request: PageRequest, browser: Browser) -> PageResponse:
        refusal = refusals.form_refusal(request, browser)
        return refusal or await self._begin(request, Ticket(request.form.get("account", "")))

    async def _sign_out(self, request: PageRequest, browser: Browser) -> PageResponse:
        if refusal := refusals.form_refusal(request, browser):
            return refusal
        email = request.form.get("account", "")
        await self._service.sign_out(email)
        return PageResponse(200, notices.signed_out(email))

    async def _link(self, request: PageRequest, browser: Browser) -> PageResponse:
        if refusal := refusals.form_refusal(request, browser):
            return refusal
        link = await self._links.create(request.form.get("account", ""))
        return PageResponse(200, notices.link_created(link))

    async def _reconnect(self, request: PageRequest, browser: Browser) -> PageResponse:
        """Show a link's page without using the link: mail filters and previews open links as well."""
        link = request.query.get("link", "")
        try:
            account = await self._links.account(link, browser=browser.secret)
        except SignInExpiredError:
            return refusals.bad_link()
        return PageResponse(200, notices.reconnect(account, link, token=browser.form_token))

    async def _use_link(self, request: PageRequest, browser: Browser) -> PageResponse:
        if not browser.sent(request):
            return refusals.not_sent_from_here()
        link = request.form.get("link", "")
        try:
            account = await self._links.use(link, browser=browser.secret)
        except SignInExpiredError:
            return refusals.bad_link()
        return await self._begin(request, Ticket(account.email, link))

    async def _begin(self, request: PageRequest, ticket: Ticket) -> PageResponse:
        choose = request.form.get("prompt") == "select_account"
        begun = await self._service.begin(ticket.account, prompt="select_account" if choose else "")
        header = ticket.header(self._cookies, state=begun.state.get_secret_value())
        return PageResponse(200, notices.to_microsoft(begun.url, ticket.account), (header,))
