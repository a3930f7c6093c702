"""The wiring of the auth module."""

from dependency_injector import containers, providers

from iacs.auth import Accounts, AuthService, Directory, ReconnectLinks, SignedIn
from iacs.auth.pages import SignInPages
from iacs.core.config import Config
from iacs.core.database import Database
from iacs.core.encryption import Encryption
from iacs.core.http_client import HttpClient
from iacs.core.logger import Logger
from iacs.core.oauth_client import OAuthClient
from iacs.core.token_service import TokenService


class AuthContainer(containers.DeclarativeContainer):
    """The auth module: AuthService, which returns the result of a sign-in as `schema`."""

    config = providers.Dependency(instance_of=Config)
    logger = providers.Dependency(instance_of=Logger)
    database = providers.Dependency(instance_of=Database)
    http_client = providers.Dependency(instance_of=HttpClient)
    oauth_client = providers.Dependency(instance_of=OAuthClient)
    token_service = providers.Dependency(instance_of=TokenService)
    encryption = providers.Dependency(instance_of=Encryption)
    accounts = providers.Dependency(instance_of=Accounts)

    schema = providers.Object(SignedIn)
    directory = providers.Singleton(Directory, http_client, graph_url=config.provided.graph_url)
    service = providers.Singleton(
        AuthService,
        database,
        oauth_client,
        token_service,
        encryption,
        accounts,
        directory,
        schema=schema,
        logger=logger,
    )
    # Factories: they keep nothing, and most applications need neither.
    links = providers.Factory(
        ReconnectLinks, database, accounts, redirect_uri=config.provided.azure_redirect_uri, logger=logger
    )
    pages = providers.Factory(
        SignInPages,
        service,
        links,
        accounts,
        token_service,
        redirect_uri=config.provided.azure_redirect_uri,
        logger=logger,
    )
