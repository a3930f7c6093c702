"""The routes; run it in this folder's parent: `uvicorn --factory fastapi_service.app:create_api`."""

from collections import Counter
from typing import Annotated

from fastapi import FastAPI
from pydantic import AwareDatetime, BaseModel

from iacs.containers import ApplicationContainer
from iacs.integrations.asgi import sign_in_pages
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


def create_api(container: ApplicationContainer | None = None) -> FastAPI:
    """Return the service; its application starts and stops with the server."""
    api = FastAPI(title="Stored mail")
    api.state.application = Application(container or ApplicationContainer())
    setup(api, api.state.application)
    add_health_routes(api, api.state.application)
    api.get("/mail/{account}")(list_mail)
    api.get("/mail/{account}/senders")(count_senders)
    api.mount("/sign-in", sign_in_pages(api.state.application))  # AZURE_REDIRECT_URI is /sign-in/callback
    return api
