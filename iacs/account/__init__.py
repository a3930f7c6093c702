"""The account module: who is enrolled, who is signed in, and the tokens of those who may have one."""

from iacs.account.schema import Access, Account, AccountStatus, Enrollment, EnrollmentResult
from iacs.account.service import AccountService
from iacs.account.tokens import AccountTokens

__all__ = [
    "Access",
    "Account",
    "AccountService",
    "AccountStatus",
    "AccountTokens",
    "Enrollment",
    "EnrollmentResult",
]
