"""The wiring of the mail_query module."""

from dependency_injector import containers, providers

from iacs.core.config import Config
from iacs.core.database import Database
from iacs.core.events import EventStream
from iacs.core.http_client import HttpClient
from iacs.core.logger import Logger
from iacs.core.outbox import Outbox
from iacs.mail_query import AccessTokens, Accounts, MailQueryService, Message


class MailQueryContainer(containers.DeclarativeContainer):
    """The mail_query module: MailQueryService, which returns messages as `schema`.

    The outbox belongs to the module, because it writes in transactions of the module's database.
    """

    config = providers.Dependency(instance_of=Config)
    logger = providers.Dependency(instance_of=Logger)
    database = providers.Dependency(instance_of=Database)
    events = providers.Dependency(instance_of=EventStream)
    http_client = providers.Dependency(instance_of=HttpClient)
    tokens = providers.Dependency(instance_of=AccessTokens)
    accounts = providers.Dependency(instance_of=Accounts)

    # A Callable, since the library forgets an override of `provided.…` when it copies a container
    # (docs/decisions.md).
    topic = providers.Callable(str, config.provided.mail_topic)
    schema = providers.Object(Message)
    outbox = providers.Singleton(
        Outbox,
        database,
        events,
        source=config.provided.event_source,
        retention_days=config.provided.outbox_retention_days,
        logger=logger,
    )
    service = providers.Singleton(
        MailQueryService,
        database,
        http_client,
        tokens,
        accounts,
        outbox,
        graph_url=config.provided.graph_url,
        topic=topic,
        schema=schema,
        page_size=config.provided.graph_page_size,
        concurrency=config.provided.graph_concurrency,
        announce=config.provided.mail_announce,
        announce_drafts=config.provided.mail_announce_drafts,
        hidden_folders=config.provided.mail_hidden_folders,
        logger=logger,
    )
