"""The module's wiring, and the application that includes it."""

from dependency_injector import containers, providers

from iacs.containers import ApplicationContainer
from iacs.mail_query import MailQueryService
from own_module.schema import Digest
from own_module.service import DigestService


class DigestContainer(containers.DeclarativeContainer):
    """The wiring of DigestService."""

    mail = providers.Dependency(instance_of=MailQueryService)
    schema = providers.Object(Digest)
    service = providers.Singleton(DigestService, mail, schema=schema)


class DigestApplication(ApplicationContainer):
    """The whole application with one more module."""

    digest = providers.Container(DigestContainer, mail=ApplicationContainer.mail_query.service)
