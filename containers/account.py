"""The account module: who is enrolled."""

from dependency_injector import containers, providers

from iacs.account import AccountService
from iacs.core.config import Config
from iacs.core.database import Database
from iacs.core.logger import Logger


class AccountContainer(containers.DeclarativeContainer):
    """Wire the core into AccountService."""

    config = providers.Dependency(instance_of=Config)
    logger: providers.Dependency[Logger] = providers.Dependency()
    database = providers.Dependency(instance_of=Database)

    service = providers.Singleton(
        AccountService, database, enrollment_directory=config.provided.enrollment_directory, logger=logger
    )
