"""`iacs explain`: what the wiring knows of a part."""

import json

import pytest
from dependency_injector import containers, providers

from tests.cli.conftest import Iacs

ACCOUNT = """\
account.service
  is        singleton: built once and kept
  made by   iacs.account.service:AccountService(\
database: Database, grants: Grants, recorder: Recorder, *, enrollment_directory: Path, schema: type[Account] = …, logger: Logger)
  also at   auth.accounts, mail_query.accounts
  receives
    database              core.database, through account.database                      as Database
    grants                core.grants, through account.grants                          as Grants
    recorder              account.recorder                                             as Recorder
    enrollment_directory  enrollment_directory of core.config, through account.config  as Path
    schema                account.schema                                               as type[Account]
    logger                core.logger, through account.logger                          as Logger
  settings
    enrollment_directory  = people  (environment)  of core.config
  needed by
    account_tokens      as accounts
    auth.service        as accounts, through auth.accounts
    auth.links          as accounts, through auth.accounts
    auth.pages          as accounts, through auth.accounts
    mail_query.service  as accounts, through mail_query.accounts
"""


def test_everything_that_is_known_about_a_part_is_shown(iacs: Iacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENROLLMENT_DIRECTORY", "people")
    ran = iacs("explain", "account.service")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines(keepends=True)
    (declared,) = (line for line in lines if line.startswith("  declared "))
    assert declared.startswith("  declared  iacs.containers.account:AccountContainer, ")
    assert "".join(line for line in lines if line is not declared) == ACCOUNT


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_secrets_are_masked(iacs: Iacs, monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "open-sesame")
    monkeypatch.setenv("DATABASE_URL", "postgresql://iacs:open-sesame@db/x")
    for path in ("core.oauth_client", "core.database", "core.config"):
        ran = iacs("explain", path, *options)
        assert ran.code == 0
        assert "sesame" not in ran.out + ran.err
    assert "[redacted]" in iacs("explain", "core.oauth_client", *options).out


def test_a_broken_configuration_still_explains_the_wiring(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPH_URL", "nonsense")
    ran = iacs("explain", "core.database")
    assert ran.code == 0
    assert "account.service" in ran.out
    assert "not read" in ran.out
    assert "core.config cannot be read: GRAPH_URL" in ran.out


def test_foreign_settings_that_cannot_be_read_are_reported_without_their_values(iacs: Iacs) -> None:
    ran = iacs("explain", "store", "--container", "tests.cli.test_explain:BrokenContainer")
    assert ran.code == 0
    assert "settings cannot be read: ValidationError for url, pool.size" in ran.out
    assert "hunter2" not in ran.out + ran.err


def test_json_is_one_object(iacs: Iacs) -> None:
    (line,) = iacs("explain", "core.database", "--json").lines
    explanation = json.loads(line)
    assert explanation["path"] == "core.database"
    assert {setting["name"]: setting["source"] for setting in explanation["settings"]}[
        "database_timeout"
    ] == "default"


def test_a_path_that_nobody_has_is_a_sentence_with_near_ones(iacs: Iacs) -> None:
    ran = iacs("explain", "core.databse")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("iacs: there is no 'core.databse' in the container; did you mean core.database")


class ValidationError(ValueError):
    """As pydantic's: its text quotes what it was given."""

    def errors(self) -> list[dict[str, object]]:
        return [{"loc": ("url",), "input": "hunter2"}, {"loc": ("pool", "size"), "input": "hunter2"}]

    def __str__(self) -> str:
        return "input was hunter2"


class Broken:
    def __init__(self) -> None:
        raise ValidationError

    def sources(self) -> dict[str, str]:
        return {}


class Store:
    def __init__(self, url: str) -> None:
        raise AssertionError("nothing is built")


class BrokenContainer(containers.DeclarativeContainer):
    settings = providers.Singleton(Broken)
    store = providers.Singleton(Store, settings.provided.url)
