from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy
from dependency_injector import providers
from psycopg import sql

from iacs.containers import ApplicationContainer
from iacs.core.config import Config
from iacs.core.database import Database
from iacs.core.exceptions import ConfigurationError, SchemaError
from iacs.testing.servers.postgresql import temporary_database

ADD_LEASE = "INSERT INTO iacs_leases (name, holder, expires_at) VALUES (:name, '', '')"


@pytest.fixture
def url(postgresql_url: str) -> Iterator[str]:
    """URL of an empty database on PostgreSQL."""
    with temporary_database(postgresql_url) as url:
        yield url


@contextmanager
def stranger(url: str) -> Iterator[tuple[str, str]]:
    """Yield a user who may connect and nothing else, and the URL with it."""
    user = f"stranger_{uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(user)))
        try:
            yield user, sqlalchemy.make_url(url).set(username=user).render_as_string(hide_password=False)
        finally:
            server.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(user)))
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(user)))


def tables(url: str, schema: str) -> set[str]:
    with psycopg.connect(url) as server:
        rows = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema]).fetchall()
    return {name for (name,) in rows}


def leases(database: Database) -> list[str]:
    with database.transaction(read_only=True) as tx:
        return [row["name"] for row in tx.rows("SELECT name FROM iacs_leases ORDER BY name")]


def test_two_schemas_of_one_database_are_independent(url: str) -> None:
    with psycopg.connect(url) as host:
        host.execute("CREATE TABLE iacs_leases (id integer)")
        host.execute("CREATE TABLE messages (id integer)")

    with Database(url, schema="left") as left, Database(url, schema="order") as right:
        for database, name in ((left, "a"), (right, "b")):
            with database.transaction() as tx:
                tx.execute(ADD_LEASE, {"name": name})
        assert (leases(left), leases(right)) == (["a"], ["b"])

    assert tables(url, "public") == {"iacs_leases", "messages"}
    assert tables(url, "left") == tables(url, "order") >= {"iacs_schema_versions", "iacs_leases"}


def test_every_connection_uses_the_schema(url: str) -> None:
    with Database(url, schema="mail", pool_size=3) as database:
        connections = [database.get_connection() for _ in range(3)]
        schemas = [
            connection.exec_driver_sql("SELECT current_schema()").scalar() for connection in connections
        ]
        for connection in connections:
            connection.rollback()
            schemas.append(connection.exec_driver_sql("SELECT current_schema()").scalar())
            connection.close()
        with database.engine.connect() as connection:
            schemas.append(connection.exec_driver_sql("SHOW search_path").scalar())

    assert schemas == ["mail"] * 7


def test_a_connection_is_given_back_with_its_own_search_path(url: str) -> None:
    with Database(url, schema="mail") as database, database.get_connection() as connection:
        driver: Any = connection.connection.dbapi_connection
        connection.exec_driver_sql("SELECT 1")
        connection.rollback()
        with driver.cursor() as cursor:  # as PgBouncer would hand it to somebody else
            assert cursor.execute("SHOW search_path").fetchone() == ('"$user", public',)


def test_without_the_setting_the_search_path_of_the_connection_decides(url: str) -> None:
    with psycopg.connect(url) as host:
        host.execute("CREATE SCHEMA own")

    with Database(f"{url}&options=-csearch_path%3Down") as database:
        assert leases(database) == []

    assert "iacs_leases" in tables(url, "own")
    assert tables(url, "public") == set()


def test_ten_first_connections_at_the_same_moment_make_one_schema(url: str) -> None:
    def connect(_number: int) -> list[str]:
        with Database(url, schema="mail") as database:
            return leases(database)

    with ThreadPoolExecutor(10) as threads:
        assert list(threads.map(connect, range(10))) == [[]] * 10


def test_a_schema_that_cannot_be_created_is_one_clear_sentence(url: str) -> None:
    with stranger(url) as (user, restricted), Database(restricted, schema="mail") as database:
        with pytest.raises(
            SchemaError, match=r"schema mail could not be created; .*permission denied"
        ) as caught:
            database.get_connection()

        assert (
            caught.value.hint == f'as owner of the database run: CREATE SCHEMA "mail" AUTHORIZATION "{user}"'
        )
        with psycopg.connect(url) as server:
            server.execute(sql.SQL("CREATE SCHEMA mail AUTHORIZATION {}").format(sql.Identifier(user)))
        assert leases(database) == []


def test_a_schema_of_somebody_else_is_one_clear_sentence(url: str) -> None:
    with psycopg.connect(url) as server:
        server.execute("CREATE SCHEMA mail")

    with (
        stranger(url) as (_user, restricted),
        Database(restricted, schema="mail") as database,
        pytest.raises(SchemaError, match="this user may not create tables in schema mail"),
    ):
        database.get_connection()


def test_a_user_who_may_not_create_tables_is_one_clear_sentence(url: str) -> None:
    with stranger(url) as (user, restricted), Database(restricted) as database:
        with pytest.raises(
            SchemaError, match=r"this user may not create tables; .*permission denied"
        ) as caught:
            database.get_connection()
        assert f'GRANT CREATE, USAGE ON SCHEMA public TO "{user}"' in caught.value.hint


@pytest.mark.parametrize("name", ["Mail", "a b", 'a"; DROP TABLE x; --', "pg_mail", "1st", "x" * 64, "é"])
def test_a_malformed_name_of_a_schema_is_a_configuration_error(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"DATABASE_SCHEMA .* is not the name of a schema"):
        Database("postgresql://h/d", schema=name)


def test_sqlite_has_no_schema_to_choose() -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_SCHEMA is for PostgreSQL") as caught:
        Database("sqlite://", schema="mail")

    assert len(caught.value.problems) == 1


def test_the_schema_can_be_set(url: str) -> None:
    container = ApplicationContainer()
    container.core.config.override(
        providers.Object(Config(_env_file=None, database_url=url, database_schema="set"))
    )

    with container.core.database() as database:
        assert leases(database) == []

    assert "iacs_leases" in tables(url, "set")
