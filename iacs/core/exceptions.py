"""Every error that iacs raises, in one tree.

IACSGraphError
├── ConfigurationError            settings are missing or malformed; lists every problem
├── DatabaseError                 the database refused, or could not be reached
│   └── SchemaError               the schema could not be applied, or is newer than this code
├── KafkaError                    the broker refused, or could not be reached in time
│   ├── EventEncodingError        a value cannot be written as JSON; names its field
│   └── PublishError              some of the events given are not durable; names them
├── APIConnectionError            Microsoft's cloud could not be reached, or answered with an error
│   ├── GraphError                Microsoft Graph answered with an error; its code and request id
│   └── MalformedResponseError    an answer is not what the protocol promises
├── AuthenticationError           signing in, or getting a token, failed
│   ├── SignInRequiredError       only the person can help: they sign in again
│   ├── OperatorRequiredError     only the operator can help: registration, secret or policy
│   └── InvalidIdTokenError       an id token fails its validation
├── AccountError                  an account is unknown, or its enrolment is malformed
│   └── AccountNotFoundError      no account of that address is enrolled
├── MailQueryError                a query that Microsoft Graph would refuse
├── CheckError                    a container is wired wrong; lists every finding
├── StartError                    a part of an application could not be started; names it
├── NotStartedError               a part is asked for before its application has started it
├── ForeignLoopError              a part is asked for in another event loop than its own
└── DegradedError                 a part works, but a person must act; for its probe to raise

A message says what happened and what to do. What a program may want to branch on is an attribute.
No message holds a secret: a value that may be one is left out.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal


class IACSGraphError(Exception):
    """The root of everything that iacs raises."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        """Copy and pickle whole: an exception's own way knows no keyword arguments."""
        return _remake, (type(self), self.args), self.__dict__


def _remake(kind: type[IACSGraphError], args: tuple[Any, ...]) -> IACSGraphError:
    return kind.__new__(kind, *args)


class ConfigurationError(IACSGraphError):
    """Settings are missing or malformed.

    `problems` has one sentence for each, in the order of the settings.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class DatabaseError(IACSGraphError):
    """The database refused a statement, or could not be reached; the driver's error is the cause."""


class SchemaError(DatabaseError):
    """The schema could not be applied, or is newer than this version of iacs."""


class KafkaError(IACSGraphError):
    """The broker refused, or could not be reached in time; `servers` says which one was asked."""

    def __init__(self, message: str, *, servers: Sequence[str] = ()) -> None:
        self.servers = tuple(servers)
        super().__init__(message)


class EventEncodingError(KafkaError):
    """A value cannot be written as JSON; `field` is its path, such as `value.sender.photo`."""

    def __init__(self, message: str, *, field: str) -> None:
        self.field = field
        super().__init__(message)


class PublishError(KafkaError):
    """Some of the events given are not durable, or not known to be; `event_ids` names those.

    Events of the same call that are not named are durable; what came after those named was not sent.
    """

    def __init__(self, message: str, *, event_ids: Collection[str], servers: Sequence[str] = ()) -> None:
        self.event_ids = frozenset(event_ids)
        super().__init__(message, servers=servers)


class APIConnectionError(IACSGraphError):
    """Microsoft's cloud could not be reached, or answered with an error.

    `status` is the HTTP status, None when no answer came; `retry_after` is in seconds.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        self.status = status
        self.retry_after = retry_after
        super().__init__(message)


class GraphError(APIConnectionError):
    """Microsoft Graph answered with an error; `code` is its most specific code."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.code = code
        self.request_id = request_id
        super().__init__(message, status=status, retry_after=retry_after)


class MalformedResponseError(APIConnectionError):
    """An answer is not what the protocol promises."""


class AuthenticationError(IACSGraphError):
    """Signing in, or getting a token, failed.

    `error` and `suberror` are OAuth's codes, and what a program decides on. `codes` (AADSTS numbers),
    `trace_id` and `correlation_id` are for people and support only, as Entra's documentation asks.
    """

    def __init__(
        self,
        message: str,
        *,
        error: str = "",
        suberror: str = "",
        codes: Sequence[int] = (),
        claims: str = "",
        trace_id: str = "",
        correlation_id: str = "",
    ) -> None:
        self.error = error
        self.suberror = suberror
        self.codes = tuple(codes)
        self.claims = claims
        self.trace_id = trace_id
        self.correlation_id = correlation_id
        super().__init__(message)


class SignInRequiredError(AuthenticationError):
    """Only the person can help: they sign in again."""


class OperatorRequiredError(AuthenticationError):
    """Only the operator can help: the registration, its secret, or a policy of the tenant."""


class InvalidIdTokenError(AuthenticationError):
    """An id token fails its validation."""


class AccountError(IACSGraphError):
    """An account is unknown, or its enrolment is malformed."""


class AccountNotFoundError(AccountError):
    """No account of that address is enrolled."""


class MailQueryError(IACSGraphError):
    """A query that Microsoft Graph would refuse."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One defect of a container: the provider's path, what kind of defect, and what to do about it."""

    path: str
    kind: Literal["missing", "cycle", "arity", "type", "hidden", "overlay", "setting", "captive"]
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class CheckError(IACSGraphError):
    """A container is wired wrong, or an overlay does not fit it; nothing was built.

    `findings` has every defect, in the order of the paths.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(map(str, self.findings)))


class StartError(IACSGraphError):
    """A part could not be started; what had been started is closed again. The part's error is the cause.

    `path` names the part.
    """

    def __init__(self, message: str, *, path: str) -> None:
        self.path = path
        super().__init__(message)


class NotStartedError(IACSGraphError):
    """A part is asked for that no started application holds; `path` names it."""

    def __init__(self, message: str, *, path: str = "") -> None:
        self.path = path
        super().__init__(message)


class ForeignLoopError(IACSGraphError):
    """A part is asked for in another event loop than the one its application runs in; `path` names it."""

    def __init__(self, message: str, *, path: str = "") -> None:
        self.path = path
        super().__init__(message)


class DegradedError(IACSGraphError):
    """A part works, but a person must act; for its probe to raise, and told as health."""
