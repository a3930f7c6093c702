"""The host's wiring: iacs shares its database and its logger; one part of one module is replaced."""

import logging

from dependency_injector import containers, providers

from embedding.report import SenderReport
from iacs.containers import ApplicationContainer, CoreContainer
from iacs.core.config import Config
from iacs.core.database import Database
from iacs.core.logger import create_logger


class HostContainer(containers.DeclarativeContainer):
    """The host's container, with the mail application as one part and settings under the host's own names."""

    config = providers.Singleton(Config, _env_prefix="HOST_")
    database = providers.Singleton(Database, config.provided.database_url)
    logger = providers.Singleton(logging.getLogger, "host")

    mail = providers.Container(
        ApplicationContainer,
        core=providers.Container(
            CoreContainer,
            config=config,
            database=database,
            logger=providers.Singleton(create_logger, "host.mail", level=config.provided.log_level),
        ),
    )
    mail().mail_query().topic.override(providers.Object("host.mail.received"))

    report = providers.Singleton(SenderReport, database, mail().mail_query().service, logger)
