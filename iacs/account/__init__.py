"""Accounts: who is enrolled, and where each stands."""

from iacs.account.schema import Account, AccountStatus, Enrollment, EnrollmentResult
from iacs.account.service import AccountService

__all__ = ["Account", "AccountService", "AccountStatus", "Enrollment", "EnrollmentResult"]
