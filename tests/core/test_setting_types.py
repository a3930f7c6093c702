import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr

from iacs.core.config import Config
from iacs.core.exceptions import ConfigurationError

KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="


def problems(**settings: object) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        Config(**settings)
    return caught.value.problems


def test_every_problem_is_reported_at_once_by_setting_name() -> None:
    reported = problems(
        log_level="loud", kafka_timeout="-1", graph_page_size="many", http_timeout="inf", graph_concurrency=0
    )
    assert reported == (
        "KAFKA_TIMEOUT: '-1' must be greater than 0",
        "GRAPH_PAGE_SIZE: 'many' is not a whole number",
        "GRAPH_CONCURRENCY: '0' must be at least 1",
        "HTTP_TIMEOUT: 'inf' must be a finite number",
        "LOG_LEVEL: 'loud' is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
    )


def test_problem_names_the_setting_with_its_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYAPP_GRAPH_PAGE_SIZE", "1001")
    assert problems(_env_prefix="MYAPP_") == ("MYAPP_GRAPH_PAGE_SIZE: '1001' must be at most 1000",)


def test_misspelt_argument_is_a_problem() -> None:
    assert problems(databse_url="sqlite://") == (
        "databse_url: there is no such setting; did you mean 'database_url'?",
    )


def test_value_of_a_wrong_type_is_a_problem() -> None:
    (problem,) = problems(azure_client_id=["a"])
    assert problem.startswith("AZURE_CLIENT_ID is malformed (")


def test_long_value_is_quoted_in_part() -> None:
    (problem,) = problems(log_format="x" * 10_000)
    assert problem == f"LOG_FORMAT: '{'x' * 60}…' is not one of auto, console, json"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://root:sesame@db/mail", ": 'mysql://…' must begin with sqlite:// or postgresql://"),
        ("postgresql://root:sesame@1@db/mail", ": 'postgresql://…' contains an @ in its user or password"),
        ("sesame", " is not a database URL"),
        ("postgresql://root:sesame@db:port/mail", ": 'postgresql://…' is not a database URL"),
    ],
)
def test_malformed_database_url_is_refused_without_its_password(url: str, said: str) -> None:
    (problem,) = problems(database_url=url)
    assert problem.startswith(f"DATABASE_URL{said}")
    assert "sesame" not in problem


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///x.db", "postgresql://u:p@h/db", SecretStr("sqlite://")]
)
def test_database_url_of_a_known_dialect_is_taken_as_it_is(url: str | SecretStr) -> None:
    expected = url if isinstance(url, str) else url.get_secret_value()
    assert Config(database_url=url).database_url.get_secret_value() == expected


@pytest.mark.parametrize("servers", ["localhost:9092", "a.example:1, b_2:65535,,", "[::1]:9092", ""])
def test_servers_are_host_and_port(servers: str) -> None:
    config = Config(kafka_bootstrap_servers=servers)
    assert config.kafka_bootstrap_servers == tuple(s.strip() for s in servers.split(",") if s.strip())


def test_servers_may_be_given_as_a_tuple() -> None:
    assert Config(kafka_bootstrap_servers=("a:1", "b:2")).kafka_bootstrap_servers == ("a:1", "b:2")


@pytest.mark.parametrize(
    "server", ["localhost", "a:0", "a:65536", "a:b", ":9092", "kafka://a:9092", "a:9092/x", "::1:9092", "a:٩"]
)
def test_server_without_host_or_port_is_refused(server: str) -> None:
    assert problems(kafka_bootstrap_servers=f"a:1,{server}") == (
        f"KAFKA_BOOTSTRAP_SERVERS: {server!r} must be host:port, such as localhost:9092",
    )


def test_password_before_a_server_is_not_quoted() -> None:
    (problem,) = problems(kafka_bootstrap_servers="user:sesame@broker")
    assert "sesame" not in problem


@pytest.mark.parametrize("source", ["two words", "grün", "line\nbreak"])
def test_an_event_source_is_a_uri(source: str) -> None:
    (problem,) = problems(event_source=source)
    assert problem.startswith("EVENT_SOURCE: ")
    assert "must be a URI" in problem


@pytest.mark.parametrize("setting", ["mail_topic", "dead_letter_topic"])
@pytest.mark.parametrize("topic", ["dead letters", "a/b", "x" * 250, "..", "grün"])
def test_a_topic_is_one_that_kafka_accepts(setting: str, topic: str) -> None:
    (problem,) = problems(**{setting: topic})
    assert problem.startswith(f"{setting.upper()}: ")
    assert "must be up to 249 letters, digits" in problem


CLOUD_URLS = ["azure_authority_host", "graph_url", "azure_redirect_uri"]


@pytest.mark.parametrize("setting", CLOUD_URLS)
@pytest.mark.parametrize(
    "url",
    [
        "https://a.example:8443/x",
        "http://localhost:1/x",
        "http://127.0.0.2/x",
        "http://[::1]:1/x",
        "http://a.localhost",
    ],
)
def test_addresses_of_the_cloud_are_https_or_on_this_machine(setting: str, url: str) -> None:
    assert getattr(Config(**{setting: url}), setting) == url


@pytest.mark.parametrize("setting", CLOUD_URLS)
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://login.example", "must begin with https://"),
        ("http://128.0.0.1", "must begin with https://"),
        ("http://localhost.example", "must begin with https://"),
        ("ftp://a.example", "must be a URL"),
        ("a.example", "must be a URL"),
        ("https://", "must be a URL"),
        ("https://a.example:x", "must be a URL"),
        ("https://[::1", "must be a URL"),
        ("https://a.example/a b", "must be a URL"),
        ("https://me@a.example", "must not hold a user name or password"),
    ],
)
def test_other_addresses_of_the_cloud_are_refused(setting: str, url: str, said: str) -> None:
    (problem,) = problems(**{setting: url})
    assert problem.startswith(f"{setting.upper()}: {url!r} {said}")


def test_password_in_an_address_is_not_quoted() -> None:
    (problem,) = problems(graph_url="https://me:sesame@a.example")
    assert "sesame" not in problem


def test_redirect_address_is_kept_to_the_letter_and_hosts_lose_their_slash() -> None:
    config = Config(azure_redirect_uri="https://a.example/", graph_url="https://a.example/v1.0/")
    assert (config.azure_redirect_uri, config.graph_url) == ("https://a.example/", "https://a.example/v1.0")


@pytest.mark.parametrize("keys", [KEY, f"{KEY}, {KEY}", None])
def test_token_keys_are_fernet_keys(keys: str | None) -> None:
    reported = Config(token_encryption_key=keys).token_encryption_key
    assert (reported and reported.get_secret_value()) == keys


@pytest.mark.parametrize("key", ["sesame", f"sesame{KEY}", "sesame" + "k" * 38, "é" * 43 + "=", " "])
def test_other_token_keys_are_refused_and_not_quoted(key: str) -> None:
    (problem,) = problems(token_encryption_key=f"{KEY},{key}")
    assert problem.startswith("TOKEN_ENCRYPTION_KEY: key 2 of 2 is not 32 bytes in URL-safe base64")
    assert key.strip() == "" or key not in problem
    assert KEY not in problem


def test_the_hints_of_all_problems_come_with_the_error() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Config(_env_file=None, token_encryption_key="another", database_url="another")
    assert caught.value.hint == (
        "write sqlite:///iacs.db or postgresql://user@host/database, with special characters of the password"
        " percent-encoded; generate a key with: iacs config new-key"
    )


@given(st.text(min_size=8).filter(lambda text: text.strip() == text and "://" not in text))
def test_no_malformed_secret_is_quoted(secret: str) -> None:
    with pytest.raises(ConfigurationError) as other:
        Config(_env_file=None, token_encryption_key="another", database_url="another")
    assume(secret not in str(other.value))  # a word of the sentences themselves
    with pytest.raises(ConfigurationError) as caught:
        Config(_env_file=None, token_encryption_key=secret, database_url=secret)
    assert secret not in str(caught.value)
    assert caught.value.__context__ is None
