"""The wiring of the whole application."""

from dependency_injector import containers, providers

from iacs.account import AccountPublisher, AccountTokens
from iacs.containers.account import AccountContainer
from iacs.containers.auth import AuthContainer
from iacs.containers.core import CoreContainer
from iacs.containers.mail_query import MailQueryContainer


class ApplicationContainer(containers.DeclarativeContainer):
    """The core and the modules that use it; `container.mail_query().service()` is typed and built once."""

    core = providers.Container(CoreContainer)
    account = providers.Container(
        AccountContainer,
        config=core.config,
        logger=core.logger,
        database=core.database,
        grants=core.grants,
    )
    # Not in AccountContainer, whose health would then depend on Kafka and on Entra ID.
    account_publisher = providers.Singleton(
        AccountPublisher,
        account.recorder,
        account.database,
        core.events,
        source=core.config.provided.event_source,
        retention_days=core.config.provided.outbox_retention_days,
        logger=core.logger,
    )
    account_tokens = providers.Singleton(
        AccountTokens,
        account.service,
        core.token_service,
        publisher=account_publisher,
        logger=core.logger,
    )
    auth = providers.Container(
        AuthContainer,
        config=core.config,
        logger=core.logger,
        database=core.database,
        http_client=core.http_client,
        oauth_client=core.oauth_client,
        token_service=core.token_service,
        encryption=core.encryption,
        accounts=account.service,
    )
    mail_query = providers.Container(
        MailQueryContainer,
        config=core.config,
        logger=core.logger,
        database=core.database,
        events=core.events,
        http_client=core.http_client,
        tokens=account_tokens,
        accounts=account.service,
    )
