"""Inherited providers that do not follow a subclass or a copy of their container are reported."""

from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import CheckError
from iacs.runtime import Application
from iacs.runtime.checks import check


class Session:
    def __init__(self, url: str = "memory") -> None:
        self.url = url


class Repository:
    def __init__(self, session: Session, url: str = "") -> None:
        self.session = session


class Walking:
    def __init__(self, container: containers.Container) -> None:
        self.container = container


class Base(containers.DeclarativeContainer):
    session = providers.Singleton(Session)
    repository = providers.Singleton(Repository, session)
    url = providers.Singleton(str, session.provided.url)
    several = providers.Singleton(tuple, providers.List(session, session))
    clock = providers.Singleton(object)


class Derived(Base):
    session = providers.Singleton(Session, "postgresql")


class Further(Derived):
    clock = providers.Singleton(object)


@containers.copy(Base)
class Copied(Base):
    config = providers.Configuration()
    session = providers.Singleton(Session, config.url)


class Core(containers.DeclarativeContainer):
    session = providers.Singleton(Session)


class Nested(containers.DeclarativeContainer):
    core = providers.Container(Core)
    repository = providers.Singleton(Repository, core.session)


class DerivedNested(Nested):
    core = providers.Container(Core)


class Around(containers.DeclarativeContainer):
    inner = providers.Container(Derived)


def reported(kind: Any) -> list[str]:
    return [finding.path for finding in check(kind()) if finding.kind == "inherited"]


@pytest.mark.parametrize("kind", [Derived, Further, Copied])
def test_what_a_base_wired_to_a_replaced_provider_is_reported(kind: Any) -> None:
    assert reported(kind) == ["repository", "several", "url"]


def test_the_finding_names_the_provider_both_containers_and_the_cure() -> None:
    (finding,) = [finding for finding in check(Derived()) if finding.path == "repository"]
    assert str(finding) == (
        "repository: Repository() receives the session of Base, not that of Derived: declare repository in "
        "Derived again, or override session instead"
    )
    with pytest.raises(CheckError, match="receives the session of Base"):
        Application(Derived())


def test_a_container_inside_another_one_is_looked_at_too() -> None:
    assert reported(DerivedNested) == ["repository"]
    assert reported(Around) == ["inner.repository", "inner.several", "inner.url"]


def test_what_is_overridden_on_the_object_is_left_alone() -> None:
    container: Any = Derived()
    for name in ("repository", "several", "url"):
        container.providers[name].override(providers.Object(None))
    assert [finding for finding in check(container) if finding.kind == "inherited"] == []


def test_a_container_in_which_everything_is_declared_again_is_sound() -> None:
    class Whole(Base):
        session = providers.Singleton(Session, "postgresql")
        repository = providers.Singleton(Repository, session)
        url = providers.Singleton(str, session.provided.url)
        several = providers.Singleton(tuple, providers.List(session))

    class Extended(Base):
        other = providers.Singleton(Repository, Base.session)

    class Chosen(Base):
        session = providers.Singleton(Session, "postgresql")
        repository = providers.Singleton(Repository, Base.session)
        url = providers.Singleton(str, providers.Singleton(Session).provided.url)
        several = providers.Singleton(tuple)

    @containers.copy(Base)
    class Rewired(Base):
        session = providers.Singleton(Session, "postgresql")

    @containers.copy(Base)
    class Added(Base):
        config = providers.Configuration()
        other = providers.Singleton(Session, config.url)

    class Following(Nested):
        core = Nested.core

    for kind in (Whole, Extended, Chosen, Rewired, Added, Following):
        assert check(kind()) == ()


@pytest.mark.parametrize("is_copy", [True, False])
def test_a_self_that_stays_with_the_class_it_was_declared_in_is_reported(is_copy: bool) -> None:
    class First(containers.DeclarativeContainer):
        __self__ = providers.Self()
        walking = providers.Singleton(Walking, __self__)
        inner = providers.Singleton(tuple, providers.List(__self__))

    class Second(First):
        other = providers.Singleton(object)

    assert reported(First) == []
    assert reported(containers.copy(First)(Second) if is_copy else Second) == ["inner", "walking"]
    (finding,) = [finding for finding in check(Second()) if finding.path == "walking"]
    assert "receives the class" in finding.message
    assert "declare both there again" in finding.message


def test_a_self_that_is_declared_again_is_sound() -> None:
    class First(containers.DeclarativeContainer):
        __self__ = providers.Self()
        walking = providers.Singleton(Walking, __self__)

    class Second(First):
        __self__ = providers.Self()
        walking = providers.Singleton(Walking, __self__)

    assert check(Second()) == ()
    with Application(Second()).sync() as app:
        assert app.get(Walking).container is app.container
