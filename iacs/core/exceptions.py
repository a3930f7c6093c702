"""Every error that iacs raises, in one tree.

IACSGraphError
├── ConfigurationError             settings are missing or malformed; lists every problem
├── DatabaseError                  the database rejected a statement, or could not be reached
│   └── SchemaError                the schema could not be applied, or is newer than this code
├── EventError                     publishing or reading events failed
│   ├── KafkaError                 the broker reported an error, or could not be reached in time
│   │   └── EventRejectedError     the broker rejects an event because of its size or topic; never an outage
│   ├── EventEncodingError         a value cannot be written as JSON; names its field
│   ├── UnprocessableEventError    no attempt to handle an event can succeed; for its handler to raise
│   └── PublishError               some events were not stored durably; has their ids
├── APIConnectionError             Microsoft's cloud could not be reached, or answered with an error
│   ├── GraphError                 Microsoft Graph answered with an error; its code and request id
│   ├── MalformedResponseError     a response does not follow the protocol
│   └── KeyServiceError            the key service could not be reached, or failed; nothing is lost
│       └── KeyRefusedError        the key service refuses to use a key
├── AuthenticationError            signing in, or getting a token, failed
│   ├── SignInRequiredError        the person has to sign in again
│   ├── OperatorRequiredError      an administrator has to act: app registration, secret or policy
│   ├── WrongPersonError           a different person from the account's signed in; names both
│   ├── SignInExpiredError         a sign-in in progress is unknown: completed already, expired, or of another database
│   └── InvalidIdTokenError        an id token is not valid
├── AccountError                   an account is unknown, or its enrolment is malformed
│   ├── AccountNotFoundError       no account with that address is enrolled
│   └── AccountDisabledError       the account is disabled: no query, sync or sign-in
├── MailQueryError                 Microsoft Graph would reject the query
├── ApplicationError               a container, or the application that runs it, cannot do what was requested
│   ├── NotAContainerError         the object to run is not an instance of a container
│   ├── CheckError                 a container is wired wrongly; lists every finding
│   ├── ApplicationStateError      a start or stop is in progress, or an overlay was entered twice
│   ├── UnknownPartError           no part has that path or class; has close matches
│   ├── AmbiguousPartError         several parts have that name or class; has their paths
│   ├── PartError                  something about one part failed; names it
│   │   ├── StartError             a part of an application could not be started; names it
│   │   ├── StopError              a part of an application could not be closed; names it
│   │   ├── NotStartedError        a part was requested before its application had started it
│   │   ├── ForeignLoopError       a part was requested in a different event loop from its own
│   │   ├── ScopeError             a scoped part was requested outside a scope, or a scope is misused
│   │   ├── MissingDependencyError a dependency or a required option has no value; names it
│   │   └── WiringError            a value does not fit the provider that uses it; names the provider
│   └── InjectionError             a function cannot be decorated, or a parameter of it not injected
├── PictureError                   the JSON of a graph cannot be read
└── DegradedError                  a part works, but somebody has to act; raised by its probe

`str(error)` says what happened. `hint` says what to do about it, usually as a command; it may be empty. Both
are clauses without a full stop: joined by a semicolon they read as one sentence. `code` is stable, for
programs; anything else that a program may branch on is an attribute. Neither text holds a secret: a value
that may be one is left out.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal


class IACSGraphError(Exception):
    """The base class of every error that iacs raises."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)
        if hint:
            self.add_note(hint)  # so that a traceback shows it as well

    @property
    def message_with_hint(self) -> str:
        """One line for people: what happened, and what to do about it."""
        return "; ".join(filter(None, (str(self), self.hint)))

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        """Copy and pickle every attribute: by default an exception loses its keyword arguments."""
        return type(self).__new__, (type(self), *self.args), self.__dict__


class ConfigurationError(IACSGraphError):
    """Settings are missing or malformed.

    `problems` has one sentence per problem, in the order of the settings.
    """

    code = "configuration"

    def __init__(self, problems: Sequence[str], *, hint: str = "") -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems), hint=hint)


class DatabaseError(IACSGraphError):
    """The database rejected a statement, or could not be reached; the driver's error is the cause.

    `retryable` is true after a deadlock or a serialization failure: the same transaction may succeed when it is
    run again from its beginning.
    """

    code = "database"

    def __init__(self, message: str = "", *, retryable: bool = False, hint: str = "") -> None:
        self.retryable = retryable
        super().__init__(message, hint=hint)


class SchemaError(DatabaseError):
    """The schema could not be applied, or is newer than this version of iacs."""

    code = "schema"


class EventError(IACSGraphError):
    """Publishing or reading events failed."""

    code = "event"


class KafkaError(EventError):
    """The broker reported an error, or could not be reached in time; `servers` lists the brokers."""

    code = "kafka"

    def __init__(self, message: str, *, servers: Sequence[str] = (), hint: str = "") -> None:
        self.servers = tuple(servers)
        super().__init__(message, hint=hint)


class EventRejectedError(KafkaError):
    """The broker rejects this event because of its size or topic; retrying does not help until one of them changes."""

    code = "event_rejected"


class EventEncodingError(EventError):
    """A value cannot be encoded as JSON; `field` is its path, such as `value.sender.photo`."""

    code = "event_encoding"

    def __init__(self, message: str, *, field: str, hint: str = "") -> None:
        self.field = field
        super().__init__(message, hint=hint)


class UnprocessableEventError(EventError):
    """No attempt to handle an event can succeed; for its handler to raise, so that it is not called again."""

    code = "unprocessable_event"


class PublishError(EventError):
    """Some events were not, or may not have been, stored durably; `event_ids` has their ids.

    All other events of the same call are durable. `rejections` has, by id, the reasons for events that the broker
    rejects: sending those again does not help. The rest may succeed when sent again.
    """

    code = "publish"

    def __init__(
        self,
        message: str,
        *,
        event_ids: Collection[str],
        rejections: Mapping[str, str] | None = None,
        hint: str = "",
    ) -> None:
        self.event_ids = frozenset(event_ids)
        self.rejections = dict(rejections or {})
        super().__init__(message, hint=hint)


class APIConnectionError(IACSGraphError):
    """Microsoft's cloud could not be reached, or answered with an error.

    `status` is the HTTP status, None if there was no response; `retry_after` is in seconds.
    """

    code = "api_connection"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        self.status = status
        self.retry_after = retry_after
        super().__init__(message, hint=hint)


class GraphError(APIConnectionError):
    """Microsoft Graph answered with an error; `graph_code` is the most specific code of the response."""

    code = "graph"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        graph_code: str,
        request_id: str | None = None,
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        self.graph_code = graph_code
        self.request_id = request_id
        super().__init__(message, status=status, retry_after=retry_after, hint=hint)


class MalformedResponseError(APIConnectionError):
    """A response does not follow the protocol."""

    code = "malformed_response"


class KeyServiceError(APIConnectionError):
    """The key service (KMS) could not be reached in time, or failed; what is stored stays as it is.

    The same request may succeed later.
    """

    code = "key_service"


class KeyRefusedError(KeyServiceError):
    """The key service refuses to use a key: it is disabled, or access is denied; an administrator has to act."""

    code = "key_refused"


class AuthenticationError(IACSGraphError):
    """Signing in, or getting a token, failed.

    `error` and `suberror` are the OAuth error codes, on which a program may branch. `codes` (AADSTS numbers),
    `trace_id` and `correlation_id` are for people and support only, as Entra's documentation asks.
    """

    code = "authentication"

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
        hint: str = "",
    ) -> None:
        self.error = error
        self.suberror = suberror
        self.codes = tuple(codes)
        self.claims = claims
        self.trace_id = trace_id
        self.correlation_id = correlation_id
        super().__init__(message, hint=hint)

    def details(self) -> dict[str, Any]:
        """Return the arguments besides message and hint, for another error about the same answer."""
        names = ("error", "suberror", "codes", "claims", "trace_id", "correlation_id")
        return {name: getattr(self, name) for name in names}


class SignInRequiredError(AuthenticationError):
    """The person has to sign in again.

    If it is `kept`, the grant is: an administrator can lift the refusal as well, and the renewal is tried again.
    """

    code = "sign_in_required"
    kept = False


class OperatorRequiredError(AuthenticationError):
    """An administrator has to act: on the app registration, its secret, or a policy of the tenant."""

    code = "operator_required"


class WrongPersonError(AuthenticationError):
    """A different person from the account's signed in; `signed_in` and `expected` are their names."""

    code = "wrong_person"

    def __init__(self, message: str, *, signed_in: str, expected: str, hint: str = "") -> None:
        self.signed_in = signed_in
        self.expected = expected
        super().__init__(message, hint=hint)


class SignInExpiredError(AuthenticationError):
    """A sign-in in progress is unknown: it was completed already, has expired, or began in another database."""

    code = "sign_in_expired"


class InvalidIdTokenError(AuthenticationError):
    """An id token is not valid."""

    code = "invalid_id_token"


class AccountError(IACSGraphError):
    """An account is unknown, or its enrolment is malformed."""

    code = "account"


class AccountNotFoundError(AccountError):
    """No account with that address is enrolled."""

    code = "account_not_found"


class AccountDisabledError(AccountError):
    """The account is disabled: no query, sync or sign-in."""

    code = "account_disabled"


class MailQueryError(IACSGraphError):
    """Microsoft Graph would reject the query."""

    code = "mail_query"


FindingKind = Literal[
    "missing",
    "cycle",
    "arity",
    "type",
    "hidden",
    "overlay",
    "setting",
    "captive",
    "leak",
    "inherited",
    "waiver",
]
"""The kinds of findings: docs/runtime.md describes each."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One defect of a container: the provider's path, what kind of defect, and what to do about it."""

    path: str
    kind: FindingKind
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class ApplicationError(IACSGraphError):
    """A container, or the application that runs it, cannot do what was requested."""

    code = "application"


class NotAContainerError(ApplicationError):
    """The object to run is not a dependency_injector container, or is the class instead of an instance."""

    code = "not_a_container"


class CheckError(ApplicationError):
    """A container is wired wrongly, or an overlay does not fit it; nothing was built.

    `findings` has every defect, in the order of the paths.
    """

    code = "check"

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(map(str, self.findings)))


class ApplicationStateError(ApplicationError):
    """An application or overlay cannot do this now: a start or stop is in progress, or it was entered before."""

    code = "application_state"


class UnknownPartError(ApplicationError):
    """No part of the container has that path or class.

    `name` is the path, or the class or provider as text; `close_matches` are similar paths.
    """

    code = "unknown_part"

    def __init__(self, message: str, *, name: str, close_matches: Sequence[str] = (), hint: str = "") -> None:
        self.name = name
        self.close_matches = tuple(close_matches)
        super().__init__(message, hint=hint)


class AmbiguousPartError(ApplicationError):
    """Several parts of the container have that name or class; `candidates` are their paths."""

    code = "ambiguous_part"

    def __init__(self, name: str, *, candidates: Sequence[str], hint: str = "") -> None:
        self.name = name
        self.candidates = tuple(candidates)
        super().__init__(f"{name} is ambiguous: {', '.join(self.candidates)}", hint=hint)


class PartError(ApplicationError):
    """An error about one part of a container; `path` names the part, and is empty where none is at fault."""

    code = "part"

    def __init__(self, message: str, *, path: str = "", hint: str = "") -> None:
        self.path = path
        super().__init__(message, hint=hint)


class StartError(PartError):
    """A part could not be started; all parts that had started were closed. The part's error is the cause.

    `path` names the part.
    """

    code = "start"


class StopError(PartError):
    """A part could not be closed; `path` names it."""

    code = "stop"


class NotStartedError(PartError):
    """A part was requested, but no application that has it is started; `path` names the part."""

    code = "not_started"


class ForeignLoopError(PartError):
    """A part was requested in a different event loop from the one its application runs in; `path` names it."""

    code = "foreign_loop"


class ScopeError(PartError):
    """A scoped part was requested outside a scope, or a scope is misused; `path` names the part, if any."""

    code = "scope"


class MissingDependencyError(PartError):
    """A dependency was not provided, or a required configuration option is not set; `path` names it."""

    code = "missing_dependency"


class WiringError(PartError):
    """A value that was only known at run time does not fit the provider that uses it; `path` names the provider."""

    code = "wiring"


class InjectionError(ApplicationError):
    """A function cannot be decorated, or one of its parameters cannot be injected; the reason is the cause.

    `function` and `parameter` are their names; the parameter's is empty if the function itself is the problem.
    """

    code = "injection"

    def __init__(self, message: str, *, function: str, parameter: str = "", hint: str = "") -> None:
        self.function = function
        self.parameter = parameter
        super().__init__(message, hint=hint)


class PictureError(IACSGraphError):
    """The JSON of a graph, written by `iacs graph --format json`, cannot be read."""

    code = "picture"


class DegradedError(IACSGraphError):
    """A part works, but somebody has to act; raised by the part's probe, and reported as its health."""

    code = "degraded"
