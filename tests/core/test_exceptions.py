import builtins
import copy
import inspect
import multiprocessing
import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from iacs.core import exceptions
from iacs.core.exceptions import (
    AccountNotFoundError,
    AmbiguousPartError,
    APIConnectionError,
    AuthenticationError,
    CheckError,
    ConfigurationError,
    DatabaseError,
    EventEncodingError,
    Finding,
    ForeignLoopError,
    GraphError,
    IACSGraphError,
    InjectionError,
    KafkaError,
    MissingDependencyError,
    NotStartedError,
    PartError,
    PublishError,
    ScopeError,
    StartError,
    StopError,
    UnknownPartError,
    WiringError,
    WrongPersonError,
)

EVERY = [
    item
    for item in vars(exceptions).values()
    if isinstance(item, type) and issubclass(item, BaseException) and item.__module__ == exceptions.__name__
]
MADE: list[IACSGraphError] = [
    IACSGraphError("No.", hint="ask again"),
    ConfigurationError(
        ["LOG_LEVEL: 'loud' is not one of DEBUG, INFO", "HTTP_TIMEOUT: must be greater than 0"]
    ),
    DatabaseError("A deadlock was detected.", retryable=True, hint="do it again"),
    KafkaError("No broker answered.", servers=["a:1", "b:2"]),
    EventEncodingError("A set is not JSON.", field="value.ids"),
    PublishError("Two of three are not durable.", event_ids=["1", "2"], rejections={"1": "It is too large."}),
    APIConnectionError("Too many requests.", status=429, retry_after=1.5),
    GraphError("Not found.", status=404, graph_code="ErrorItemNotFound", request_id="7"),
    WrongPersonError("bob signed in, not alice", signed_in="bob", expected="alice", hint="sign out first"),
    AuthenticationError(
        "Refused.", error="invalid_grant", suberror="basic_action", codes=[50076], claims="{}"
    ),
    AccountNotFoundError("No account of that address is enrolled.", hint="enrol it"),
    CheckError([Finding("core.database", "missing", "Nobody gives it: pass one.")]),
    PartError("It refused."),
    StartError("It refused.", path="core.database"),
    NotStartedError("Nothing is started.", path="core.database"),
    ScopeError("It is scoped.", path="orders"),
    ForeignLoopError("It is another loop's.", path="core.database"),
    StopError("It refused.", path="core.database"),
    UnknownPartError("There is none.", name="core.databse", close_matches=["core.database"], hint="look"),
    AmbiguousPartError("service", candidates=["account.service", "auth.service"]),
    MissingDependencyError("It was not provided.", path="core.clock"),
    WiringError("It has no such branch.", path="core.events"),
    InjectionError("It has no such part.", function="handle", parameter="service"),
]


def drawn(kind: type[BaseException], before: str = "", stem: str = "") -> Iterator[str]:
    """Draw the tree of the classes below one, in the order of the file."""
    yield f"{stem}{kind.__name__}"
    children = [child for child in EVERY if child.__base__ is kind]
    children.sort(key=lambda child: inspect.getsourcelines(child)[1])
    for child in children:
        last = child is children[-1]
        yield from drawn(child, before + ("    " if last else "│   "), before + ("└── " if last else "├── "))


def test_tree_at_the_top_of_the_file_is_the_tree_of_the_classes() -> None:
    lines = (exceptions.__doc__ or "").split("\n\n")[1].splitlines()
    shown = [line[: line.index("Error") + 5] for line in lines]
    assert shown == list(drawn(IACSGraphError))


def test_the_tree_describes_every_error() -> None:
    lines = (exceptions.__doc__ or "").split("\n\n")[1].splitlines()[1:]
    assert all(line[line.index("Error") + 5 :].strip() for line in lines)
    assert len({line.index(line[line.index("Error") + 5 :].strip()) for line in lines}) == 1


def test_every_error_is_one_of_ours_and_no_builtins_name_is_taken() -> None:
    assert EVERY
    for kind in EVERY:
        assert issubclass(kind, IACSGraphError)
        assert not hasattr(builtins, kind.__name__)
        assert inspect.getdoc(kind)


def test_every_way_of_making_an_error_is_tried_below() -> None:
    assert {kind for kind in EVERY if "__init__" in vars(kind)} <= {type(error) for error in MADE}


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_error_survives_pickling_and_copying_whole(error: IACSGraphError) -> None:
    error.add_note("while syncing alice")
    pickled = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    for twin in (pickled, copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert twin.args == error.args
        assert vars(twin) == vars(error)


def refuse() -> None:
    raise GraphError("Not found.", status=404, graph_code="ErrorItemNotFound")


def test_error_comes_back_from_another_process_as_it_was_raised() -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool, pytest.raises(GraphError) as caught:
        pool.submit(refuse).result(timeout=60)
    assert (caught.value.status, caught.value.graph_code, str(caught.value)) == (
        404,
        "ErrorItemNotFound",
        "Not found.",
    )


def test_one_error_lists_every_problem() -> None:
    assert str(ConfigurationError(["A is not set", "B is not set"])) == "A is not set; B is not set"
