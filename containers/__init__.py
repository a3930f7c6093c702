"""The wiring of the application: providers only."""

from iacs.containers.account import AccountContainer
from iacs.containers.application import ApplicationContainer
from iacs.containers.auth import AuthContainer
from iacs.containers.core import CoreContainer
from iacs.containers.mail_query import MailQueryContainer

__all__ = [
    "AccountContainer",
    "ApplicationContainer",
    "AuthContainer",
    "CoreContainer",
    "MailQueryContainer",
]

if __name__ != "iacs.containers":  # the folder itself, on the path because it is in the working directory
    raise ImportError("import iacs.containers, not containers", name=__name__)
