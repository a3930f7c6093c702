"""The wiring of the account module."""

from dependency_injector import containers, providers

from iacs.account import Account, AccountService
from iacs.core.config import Config
from iacs.core.database import Database
from iacs.core.logger import Logger
from iacs.core.token_service import Grants


class AccountContainer(containers.DeclarativeContainer):
    """The account module: AccountService, which returns accounts as `schema`."""

    config = providers.Dependency(instance_of=Config)
    logger = providers.Dependency(instance_of=Logger)
    database = providers.Dependency(instance_of=Database)
    grants = providers.Dependency(instance_of=Grants)

    schema = providers.Object(Account)
    service = providers.Singleton(
        AccountService,
        database,
        grants,
        enrollment_directory=config.provided.enrollment_directory,
        schema=schema,
        logger=logger,
    )
