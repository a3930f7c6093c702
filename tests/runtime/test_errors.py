"""What a program learns from the runtime's errors without reading their sentences."""

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import StartError
from iacs.runtime import (
    AmbiguousPartError,
    Application,
    ApplicationError,
    ApplicationStateError,
    CheckError,
    InjectionError,
    NotAContainerError,
    UnknownPartError,
    WiringError,
    inject,
)


class Database: ...


class Reports: ...


class Branch(containers.DeclarativeContainer):
    service = providers.Singleton(Reports)


class Container(containers.DeclarativeContainer):
    database = providers.Singleton(Database)
    one = providers.Container(Branch)
    two = providers.Container(Branch)
    mode = providers.Object("none")
    chosen = providers.Selector(mode, memory=providers.Object(1), disk=providers.Object(2))


def test_an_unknown_part_has_its_name_and_what_is_spelt_alike() -> None:
    with Application(Container()).sync() as app, pytest.raises(UnknownPartError) as caught:
        app["databse"]
    assert (caught.value.name, caught.value.close_matches) == ("databse", ("database",))
    assert (str(caught.value), caught.value.hint) == (
        "the container has no databse",
        "did you mean database?",
    )


def test_an_ambiguous_part_has_the_paths_to_choose_from() -> None:
    with Application(Container()).sync() as app, pytest.raises(AmbiguousPartError) as caught:
        app.get(Reports)
    assert caught.value.name == "Reports"
    assert caught.value.candidates == ("one.service", "two.service")


def test_a_selector_without_the_branch_is_named() -> None:
    with Application(Container()).sync() as app, pytest.raises(WiringError) as caught:
        app["chosen"]
    assert caught.value.path == "chosen"


def test_an_injection_that_fails_names_function_and_parameter_and_keeps_the_hint() -> None:
    @inject
    def handle(reports: Reports) -> Reports:
        return reports

    with Application(Container()).sync(), pytest.raises(InjectionError) as caught:
        handle()
    assert caught.value.function.endswith("handle")
    assert caught.value.parameter == "reports"
    assert isinstance(caught.value.__cause__, AmbiguousPartError)
    assert caught.value.hint == caught.value.__cause__.hint


def test_a_start_error_carries_the_hint_of_what_it_wraps() -> None:
    def start_the_class() -> Database:
        Application(Container)  # type: ignore[type-var] # a class is not a container
        return Database()

    class Broken(containers.DeclarativeContainer):
        database = providers.Singleton(start_the_class)

    with pytest.raises(StartError) as caught, Application(Broken()).sync():
        """Never started."""
    assert isinstance(caught.value.__cause__, NotAContainerError)
    assert caught.value.hint == "give an instance, Container()"
    assert caught.value.code == "start"


def test_an_overlay_that_is_entered_twice_is_an_error_of_state() -> None:
    app = Application(Container())
    with app.sync(), app.overlay(database=Database()) as view, pytest.raises(ApplicationStateError) as caught:
        view.__enter__()
    assert isinstance(caught.value, ApplicationError)
    assert caught.value.hint == "make another one with overlay()"


def test_an_application_whose_constructor_raised_has_a_repr() -> None:
    class Broken(containers.DeclarativeContainer):
        database = providers.Dependency(instance_of=Database)

    app = Application.__new__(Application)
    with pytest.raises(CheckError):
        app.__init__(Broken())  # type: ignore[misc] # a traceback with locals shows what it has made so far
    assert repr(app) == "<Application: not constructed>"
