"""The wiring of the account module."""

from dependency_injector import containers, providers

from iacs.account import Account, AccountService, Recorder
from iacs.core.config import Config
from iacs.core.database import Database
from iacs.core.logger import Logger
from iacs.core.token_service import Grants


class AccountContainer(containers.DeclarativeContainer):
    """The account module: AccountService, which returns accounts as `schema`.

    The recorder writes to the outbox of the module's database, because events are part of its transactions.
    """

    config = providers.Dependency(instance_of=Config)
    logger = providers.Dependency(instance_of=Logger)
    database = providers.Dependency(instance_of=Database)
    grants = providers.Dependency(instance_of=Grants)

    # No other part has these names, so a bare name is enough. Callables, since the library forgets an override of
    # `provided.…` when it copies a container (docs/decisions.md).
    account_topic = providers.Callable(str, config.provided.account_topic)
    audit_topic = providers.Callable(str, config.provided.audit_topic)
    schema = providers.Object(Account)
    recorder = providers.Singleton(
        Recorder,
        database,
        topic=account_topic,
        audit_topic=audit_topic,
        source=config.provided.event_source,
    )
    service = providers.Singleton(
        AccountService,
        database,
        grants,
        recorder,
        enrollment_directory=config.provided.enrollment_directory,
        schema=schema,
        logger=logger,
    )
