"""The account module: who is enrolled, who is signed in, and the tokens of those who may have one."""

from iacs.account.actor import acting_as
from iacs.account.publisher import AccountPublisher
from iacs.account.recorder import Recorder
from iacs.account.schema import Access, Account, AccountStatus, Enrollment, EnrollmentResult
from iacs.account.service import AccountService
from iacs.account.tokens import AccountTokens

__all__ = [
    "Access",
    "Account",
    "AccountPublisher",
    "AccountService",
    "AccountStatus",
    "AccountTokens",
    "Enrollment",
    "EnrollmentResult",
    "Recorder",
    "acting_as",
]
