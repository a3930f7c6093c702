"""The routes; run it in this folder's parent: `uvicorn --factory fastapi_service.app:create_api`."""

from collections import Counter
from typing import Annotated

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from pydantic import AwareDatetime, BaseModel

from iacs.auth import AuthorizationCallback, AuthService, SignedIn
from iacs.containers import ApplicationContainer
from iacs.integrations.fastapi import Part, add_health_routes, setup
from iacs.mail_query import MailQueryService, Message
from iacs.runtime import Application


class Summary(BaseModel, from_attributes=True):
    """A message in a list."""

    id: str
    subject: str | None
    received_at: AwareDatetime | None


async def list_mail(account: str, mail: Annotated[MailQueryService, Part], limit: int = 20) -> list[Summary]:
    """Return the latest stored messages of an account."""
    messages = [message async for message in mail.stored(account) if isinstance(message, Message)]
    messages.sort(key=lambda message: (message.received_at is not None, message.received_at), reverse=True)
    return [Summary.model_validate(message) for message in messages[:limit]]


async def count_senders(account: str, mail: Annotated[MailQueryService, Part]) -> dict[str, int]:
    """Return how many of the stored messages of an account each sender has sent."""
    messages = [message async for message in mail.stored(account) if isinstance(message, Message)]
    return Counter(message.from_.address for message in messages if message.from_ and message.from_.address)


async def sign_in(account: str, auth: Annotated[AuthService, Part]) -> RedirectResponse:
    """Send the browser to Microsoft."""
    return RedirectResponse((await auth.begin(account)).url)


async def complete_sign_in(request: Request, auth: Annotated[AuthService, Part]) -> SignedIn:
    """Complete the sign-in when the browser comes back; AZURE_REDIRECT_URI is the address of this route."""
    return await auth.complete(AuthorizationCallback.model_validate(dict(request.query_params)))


def create_api(container: ApplicationContainer | None = None) -> FastAPI:
    """Return the service; its application starts and stops with the server."""
    api = FastAPI(title="Stored mail")
    api.state.application = Application(container or ApplicationContainer())
    setup(api, api.state.application)
    add_health_routes(api, api.state.application)
    api.get("/mail/{account}")(list_mail)
    api.get("/mail/{account}/senders")(count_senders)
    api.get("/sign-in/{account}")(sign_in)
    api.get("/callback")(complete_sign_in)
    return api
