"""The wiring of the auth module."""

from dependency_injector import containers, providers

from iacs.auth import Accounts, AuthService, SignedIn
from iacs.core.database import Database
from iacs.core.encryption import Encryption
from iacs.core.logger import Logger
from iacs.core.oauth_client import OAuthClient
from iacs.core.token_service import TokenService


class AuthContainer(containers.DeclarativeContainer):
    """The auth module: AuthService, which returns the result of a sign-in as `schema`."""

    logger = providers.Dependency(instance_of=Logger)
    database = providers.Dependency(instance_of=Database)
    oauth_client = providers.Dependency(instance_of=OAuthClient)
    token_service = providers.Dependency(instance_of=TokenService)
    encryption = providers.Dependency(instance_of=Encryption)
    accounts = providers.Dependency(instance_of=Accounts)

    schema = providers.Object(SignedIn)
    service = providers.Singleton(
        AuthService,
        database,
        oauth_client,
        token_service,
        encryption,
        accounts,
        schema=schema,
        logger=logger,
    )
