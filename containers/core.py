"""The wiring of the core."""

from dependency_injector import containers, providers

from iacs.core.config import Config
from iacs.core.database import Database
from iacs.core.encryption import Encryption
from iacs.core.event_log import EventLog
from iacs.core.events import event_backend
from iacs.core.http_client import HttpClient
from iacs.core.kafka_client import KafkaClient, OAuthToken
from iacs.core.key_provider import create_key_provider
from iacs.core.logger import create_logger
from iacs.core.oauth_client import OAuthClient
from iacs.core.token_service import Grants, TokenService


class CoreContainer(containers.DeclarativeContainer):
    """The core: parts that every module uses, built once; pass a provider of the same name to replace one."""

    config = providers.Singleton(Config)
    logger = providers.Singleton(
        create_logger, level=config.provided.log_level, format=config.provided.log_format
    )
    database = providers.Singleton(
        Database,
        config.provided.database_url,
        schema=config.provided.database_schema,
        pool_size=config.provided.database_pool_size,
        timeout=config.provided.database_timeout,
        prepared_statements=config.provided.database_prepared_statements,
    )

    # A function that returns a token, for KAFKA_SASL_MECHANISM=OAUTHBEARER.
    kafka_oauth_token = providers.Object[OAuthToken | None](None)
    kafka_client = providers.Singleton(
        KafkaClient,
        config.provided.kafka_bootstrap_servers,
        timeout=config.provided.kafka_timeout,
        linger_ms=config.provided.kafka_linger_ms,
        batch_size=config.provided.kafka_batch_size,
        compression=config.provided.kafka_compression,
        create_topics=config.provided.kafka_create_topics,
        dead_letter_topic=config.provided.dead_letter_topic,
        dead_letter_failure=config.provided.dead_letter_failure,
        source=config.provided.event_source,
        security_protocol=config.provided.kafka_security_protocol,
        ssl_cafile=config.provided.kafka_ssl_cafile,
        ssl_certfile=config.provided.kafka_ssl_certfile,
        ssl_keyfile=config.provided.kafka_ssl_keyfile,
        ssl_key_password=config.provided.kafka_ssl_key_password,
        sasl_mechanism=config.provided.kafka_sasl_mechanism,
        sasl_username=config.provided.kafka_sasl_username,
        sasl_password=config.provided.kafka_sasl_password,
        oauth_token=kafka_oauth_token,
        logger=logger,
    )
    event_log = providers.Singleton(
        EventLog,
        database,
        dead_letter_topic=config.provided.dead_letter_topic,
        dead_letter_failure=config.provided.dead_letter_failure,
        source=config.provided.event_source,
        logger=logger,
    )
    events = providers.Selector(
        providers.Callable(event_backend, config.provided.kafka_bootstrap_servers),
        kafka=kafka_client,
        event_log=event_log,
    )

    http_client = providers.Singleton(
        HttpClient,
        timeout=config.provided.http_timeout,
        max_response_bytes=config.provided.http_max_response_bytes,
        ca_file=config.provided.http_ca_file,
    )
    key_provider = providers.Singleton(
        create_key_provider,
        config.provided.token_key_provider,
        keys=config.provided.token_encryption_key,
    )
    encryption = providers.Singleton(Encryption, key_provider)
    oauth_client = providers.Singleton(
        OAuthClient,
        http_client,
        client_id=config.provided.azure_client_id,
        authority_host=config.provided.azure_authority_host,
        tenant_id=config.provided.azure_tenant_id,
        redirect_uri=config.provided.azure_redirect_uri,
        scopes=config.provided.azure_scopes,
        prompt=config.provided.azure_prompt,
        graph_url=config.provided.graph_url,
        client_secret=config.provided.azure_client_secret,
        client_secret_expires=config.provided.azure_client_secret_expires,
        certificate_path=config.provided.azure_client_certificate_path,
        certificate_password=config.provided.azure_client_certificate_password,
    )
    grants = providers.Singleton(Grants, database)
    token_service = providers.Singleton(
        TokenService, database, oauth_client, encryption, logger=logger, grants=grants
    )
