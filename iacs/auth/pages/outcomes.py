"""What a page says about an error: in plain words to whoever signs in, in detail to the administrator."""

from dataclasses import dataclass, replace

from iacs.core.exceptions import (
    AccountError,
    APIConnectionError,
    AuthenticationError,
    IACSGraphError,
    InvalidIdTokenError,
    KeyServiceError,
    OperatorRequiredError,
    SignInExpiredError,
    WrongPersonError,
)

_DECLINED = {"access_denied"}
_CONSENT = {"consent_required"}
_ADMIN_CONSENT_CODES = {65001, 90094, 90095}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The words of a page about a sign-in that failed.

    `details` and AADSTS `codes` are for the administrator; `again` says whether another attempt may help, `choose` whether it should let
    the person choose another Microsoft account.
    """

    status: int
    title: str
    text: str
    remedy: str
    details: tuple[tuple[str, str], ...] = ()
    codes: tuple[int, ...] = ()
    again: bool = True
    choose: bool = False


def outcome_of(error: Exception, account: str, *, is_operator: bool) -> Outcome:
    """Return what to say about an error; what it reveals of the inside of the service is for operators only."""
    outcome = _outcome(error, account)
    visible = isinstance(error, AuthenticationError | AccountError | APIConnectionError)
    if not is_operator and (not visible or isinstance(error, KeyServiceError)):
        return outcome
    if not isinstance(error, IACSGraphError):
        return outcome
    details = {"What happened": str(error), "What to do": error.hint}
    codes = error.codes if isinstance(error, AuthenticationError) else ()
    return replace(outcome, codes=codes, details=tuple(item for item in details.items() if item[1]))


def _outcome(error: Exception, account: str) -> Outcome:
    if isinstance(error, WrongPersonError):
        return _wrong_person(error, account)
    if isinstance(error, AuthenticationError):
        return _refused(error, account)
    if isinstance(error, AccountError):
        return Outcome(
            403,
            "This account cannot sign in",
            f"Nobody can sign in to {account} at the moment.",
            "Ask the administrator to look at the account.",
            again=False,
        )
    if isinstance(error, KeyServiceError):
        return Outcome(
            503,
            "Part of this service is away",
            f"{account} is not signed in yet, because this service cannot encrypt the grant at the moment.",
            "Reload this page in a few minutes. If it fails again, ask the administrator.",
        )
    if isinstance(error, APIConnectionError):
        return Outcome(
            502,
            "Microsoft did not answer as expected",
            f"{account} is not signed in, because Microsoft's sign-in service could not complete it.",
            "Try again in a few minutes.",
        )
    return Outcome(
        500,
        "Something went wrong here",
        f"{account} is not signed in, because of a problem of this service.",
        "Try again later. If it fails again, send the administrator the time of this attempt.",
    )


def _refused(error: AuthenticationError, account: str) -> Outcome:
    nobody = f"{account} is not signed in."
    if isinstance(error, SignInExpiredError):
        return Outcome(
            400,
            "This sign-in has expired",
            "It was not completed within 15 minutes, or it was completed already.",
            f"If {account} is not connected yet, start again.",
        )
    if error.error in _CONSENT or _ADMIN_CONSENT_CODES.intersection(error.codes):
        return Outcome(
            403,
            "Permission is missing",
            f"{nobody} Your organisation has not allowed this application to read mail.",
            "Start again and accept, if Microsoft offers that. Otherwise an administrator of your organisation has to"
            " grant consent.",
        )
    if error.error in _DECLINED:
        return Outcome(
            403,
            "Permission was declined",
            f"{nobody} You, or a policy of your organisation, declined the permission to read its mail.",
            "If that was a mistake, start again and choose Accept.",
        )
    if isinstance(error, OperatorRequiredError | InvalidIdTokenError):
        return Outcome(
            502,
            "This service is not set up correctly",
            f"{nobody} You did nothing wrong: Microsoft does not accept how this service is registered.",
            "Send the details below to the administrator. Signing in again does not help before that is fixed.",
            again=False,
        )
    return Outcome(
        403,
        "Microsoft refused the sign-in" if error.error else "The sign-in failed",
        nobody,
        "Start again, and do what Microsoft asks for. If it is refused again, send the details below to the"
        " administrator.",
    )


def _wrong_person(error: WrongPersonError, account: str) -> Outcome:
    if error.signed_in.lower() == error.expected.lower():
        who = f"You signed in as {error.signed_in}, but somebody else with that name signed in to {account} before."
        remedy = "Send the details below to the administrator, who decides whether that was you."
    else:
        who = f"You signed in as {error.signed_in}. This sign-in is for {error.expected}, so it was refused."
        remedy = f"Start again and choose {error.expected}. If you are not that person, close this window."
    return Outcome(403, "Wrong Microsoft account", who, remedy, choose=True)
