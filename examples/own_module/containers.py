"""The module's wiring, and the application that has it."""

from dependency_injector import containers, providers

from iacs.containers import ApplicationContainer
from iacs.mail_query import MailQueryService
from own_module.schema import Digest
from own_module.service import DigestService


class DigestContainer(containers.DeclarativeContainer):
    """Wire the stored mail into DigestService."""

    mail = providers.Dependency(instance_of=MailQueryService)
    schema = providers.Object(Digest)
    service = providers.Singleton(DigestService, mail, schema=schema)


class DigestApplication(ApplicationContainer):
    """The whole application and one module more."""

    digest = providers.Container(DigestContainer, mail=ApplicationContainer.mail_query.service)
