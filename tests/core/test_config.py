import copy
import pickle
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from iacs.core._settings.sources import Origin
from iacs.core.config import Config, get_config
from iacs.core.exceptions import ConfigurationError

EXAMPLE = Path(__file__).parents[2] / ".env.example"
KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="


@pytest.fixture
def env_file() -> Path:
    return Path(".env")  # the tests run in an empty folder of their own


def of_interest(config: Config, *names: str) -> list[Origin]:
    return [config.sources()[name] for name in names]


def test_defaults_hold_without_any_setting() -> None:
    config = Config()
    assert config.database_url.get_secret_value() == "sqlite:///iacs.db"
    assert set(config.sources().values()) == {"default"}


def test_argument_wins_over_environment_over_file_over_default(
    monkeypatch: pytest.MonkeyPatch, env_file: Path
) -> None:
    env_file.write_text("HTTP_TIMEOUT=1\nKAFKA_TIMEOUT=1\nDATABASE_TIMEOUT=1\n")
    monkeypatch.setenv("HTTP_TIMEOUT", "2")
    monkeypatch.setenv("KAFKA_TIMEOUT", "2")
    config = Config(http_timeout=3)
    assert (config.http_timeout, config.kafka_timeout, config.database_timeout) == (3, 2, 1)
    assert of_interest(config, "http_timeout", "kafka_timeout", "database_timeout", "log_level") == [
        "argument",
        "environment",
        ".env",
        "default",
    ]


def test_names_are_read_in_any_case(monkeypatch: pytest.MonkeyPatch, env_file: Path) -> None:
    env_file.write_text("Log_Format=json\n")
    monkeypatch.setenv("log_level", "debug")
    config = Config()
    assert (config.log_level, config.log_format) == ("DEBUG", "json")
    assert of_interest(config, "log_level", "log_format") == ["environment", ".env"]


def test_prefix_is_asked_of_every_name(monkeypatch: pytest.MonkeyPatch, env_file: Path) -> None:
    env_file.write_text("MYAPP_LOG_FORMAT=json\nKAFKA_TIMEOUT=1\n")
    monkeypatch.setenv("myapp_log_level", "debug")
    monkeypatch.setenv("HTTP_TIMEOUT", "1")
    config = Config(_env_prefix="MYAPP_")
    assert (config.log_level, config.log_format) == ("DEBUG", "json")
    assert (config.http_timeout, config.kafka_timeout) == (30, 10)
    given = {name: origin for name, origin in config.sources().items() if origin != "default"}
    assert given == {"log_level": "environment", "log_format": ".env"}


@pytest.mark.parametrize("empty", ["", "  "])
def test_empty_value_is_not_given(monkeypatch: pytest.MonkeyPatch, env_file: Path, empty: str) -> None:
    env_file.write_text(f"HTTP_TIMEOUT='{empty}'\n")
    monkeypatch.setenv("LOG_LEVEL", empty)
    config = Config(azure_tenant_id=empty)
    assert config == Config(_env_file=None)
    assert set(config.sources().values()) == {"default"}


def test_space_around_a_value_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", " sesame\r\n")
    monkeypatch.setenv("GRAPH_PAGE_SIZE", " 5 ")
    secret = Config().azure_client_secret
    assert secret is not None
    assert secret.get_secret_value() == "sesame"
    assert Config().graph_page_size == 5


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("AZURE_CLIENT_SECRET='a${HOME}b$c'", "a${HOME}b$c"),
        ("export azure_client_secret = 'a${HOME}'  # mine", "a${HOME}"),
        ("'AZURE_CLIENT_SECRET'='it\\'s ${HOME}'", "it's ${HOME}"),
        ("AZURE_CLIENT_SECRET='two\nlines ${HOME}'", "two\nlines ${HOME}"),
        ('AZURE_CLIENT_SECRET="${HOME}/x"', "/home/me/x"),
        ("AZURE_CLIENT_SECRET=${HOME}/x", "/home/me/x"),
        ('AZURE_CLIENT_SECRET="  pass  "', "  pass  "),
        ("AZURE_CLIENT_SECRET='  pass  '", "  pass  "),
        ("AZURE_CLIENT_SECRET=  pass  ", "pass"),
    ],
)
def test_quotes_in_the_file_mean_what_they_mean_in_a_shell(
    monkeypatch: pytest.MonkeyPatch, env_file: Path, line: str, value: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    env_file.write_text(f"LOG_LEVEL=ERROR\n{line}\n")
    config = Config()
    assert config.azure_client_secret is not None
    assert config.azure_client_secret.get_secret_value() == value
    assert config.sources()["azure_client_secret"] == ".env"
    assert config.log_level == "ERROR"


@pytest.mark.parametrize("empty", ["", "  "])
def test_empty_variable_of_the_environment_switches_off_what_the_file_sets(
    monkeypatch: pytest.MonkeyPatch, env_file: Path, empty: str
) -> None:
    env_file.write_text("KAFKA_BOOTSTRAP_SERVERS=broker:9092\nLOG_LEVEL=ERROR\n")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", empty)
    config = Config()
    assert config.kafka_bootstrap_servers == ()
    assert of_interest(config, "kafka_bootstrap_servers", "log_level") == ["default", ".env"]


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_secret_can_be_a_file_that_a_variable_names(
    monkeypatch: pytest.MonkeyPatch, env_file: Path, where: str
) -> None:
    Path("secret").write_text("sesame\n")
    if where == "environment":
        monkeypatch.setenv("MYAPP_AZURE_CLIENT_SECRET_FILE", "secret")
    else:
        env_file.write_text("MYAPP_AZURE_CLIENT_SECRET_FILE=secret\nMYAPP_AZURE_CLIENT_SECRET=another\n")
    config = Config(_env_prefix="MYAPP_")
    assert config.azure_client_secret is not None
    assert config.azure_client_secret.get_secret_value() == "sesame"
    assert config.sources()["azure_client_secret"] == "file"
    monkeypatch.setenv("MYAPP_AZURE_CLIENT_SECRET", "from the environment")
    assert Config(_env_prefix="MYAPP_").sources()["azure_client_secret"] == "environment"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "cannot be read: No such file or directory"), (b"s\xe9same", "is not UTF-8")],
)
def test_file_of_a_secret_that_cannot_be_read_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, content: bytes | None, problem: str
) -> None:
    if content is not None:
        Path("secret").write_bytes(content)
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEY_FILE", "secret")
    with pytest.raises(ConfigurationError) as caught:
        Config()
    assert caught.value.problems == (f"TOKEN_ENCRYPTION_KEY_FILE: secret {problem}",)
    assert caught.value.__context__ is None


def test_malformed_secret_from_a_file_is_a_problem_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("secret").write_text("hunter2")
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEY_FILE", "secret")
    with pytest.raises(ConfigurationError, match=r"^TOKEN_ENCRYPTION_KEY: key 1 of 1 is not"):
        Config()


def test_empty_value_in_the_file_leaves_a_secret_in_a_folder(tmp_path: Path, env_file: Path) -> None:
    env_file.write_text("AZURE_CLIENT_SECRET=\n")
    (tmp_path / "azure_client_secret").write_text("sesame")
    assert Config(_secrets_dir=tmp_path).sources()["azure_client_secret"] == "file"


def test_file_of_a_parent_folder_is_not_read_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, env_file: Path
) -> None:
    env_file.write_text("LOG_LEVEL=ERROR\n")
    unread = f"{env_file.absolute()} is not read: only a file in the current folder is"
    folder = Path("src/app")
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    config = Config()
    assert config.log_level == "INFO"
    assert config.likely_mistakes() == (unread,)
    with pytest.raises(ConfigurationError) as caught:
        config.require("azure_client_id")
    assert caught.value.hint == f"set it in the environment or in .env; {unread}"
    assert Config(_env_file=None).likely_mistakes() == ()
    Path(".env").touch()
    assert Config().likely_mistakes() == ()


def test_file_may_begin_with_a_byte_order_mark(env_file: Path) -> None:
    env_file.write_text("LOG_LEVEL=ERROR\n", encoding="utf-8-sig")
    assert Config().log_level == "ERROR"


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("GRAPH_PAGESIZE=10", "GRAPH_PAGE_SIZE"),
        ("AZURE_CLIENT_IDD=abc", "AZURE_CLIENT_ID"),
        ("kafka_bootstrap_server=broker:9092", "KAFKA_BOOTSTRAP_SERVERS"),
        ("DATABSE_URL=sqlite:///x.db", "DATABASE_URL"),
    ],
)
def test_misspelt_name_in_the_file_is_a_problem(env_file: Path, line: str, near: str) -> None:
    env_file.write_text(f"# mine\n{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        Config()
    name = line.partition("=")[0]
    assert caught.value.problems == (f".env, line 2: there is no setting {name}; did you mean {near}?",)


def test_host_application_may_have_both_of_two_similar_names(env_file: Path) -> None:
    env_file.write_text("DATABASE_URI=sqlite:///host.db\nDATABASE_URL=sqlite:///iacs.db\n")
    assert Config().sources()["database_url"] == ".env"


def test_variable_of_the_environment_that_is_nearly_a_setting_is_only_described(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRAPH_PAGESIZE", "10")
    assert Config().likely_mistakes() == (
        "there is no setting GRAPH_PAGESIZE; did you mean GRAPH_PAGE_SIZE?",
    )


def test_misspelt_argument_is_a_problem() -> None:
    with pytest.raises(ConfigurationError, match=r"^_env_fil: .* did you mean '_env_file'\?$"):
        Config(_env_fil="elsewhere.env")


def test_secret_can_be_a_file_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "azure_client_secret").write_text("sesame\n")
    config = Config(_secrets_dir=tmp_path)
    assert config.azure_client_secret is not None
    assert config.azure_client_secret.get_secret_value() == "sesame"
    assert config.sources()["azure_client_secret"] == "file"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"kafka_sasl_username": "me"}, "not sent with KAFKA_SECURITY_PROTOCOL=PLAINTEXT"),
        ({"kafka_security_protocol": "SASL_SSL"}, "needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"),
    ],
)
def test_credentials_that_do_not_fit_the_protocol_are_a_problem(
    settings: dict[str, str], problem: str
) -> None:
    assert Config(**settings).kafka_bootstrap_servers == ()
    with pytest.raises(ConfigurationError, match=problem):
        Config(kafka_bootstrap_servers="broker:9092", **settings)


def test_a_function_for_tokens_needs_no_credentials() -> None:
    config = Config(
        kafka_bootstrap_servers="broker:9092",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="oauthbearer",
    )
    assert config.kafka_sasl_mechanism == "OAUTHBEARER"


def test_foreign_names_in_the_file_are_left_alone(env_file: Path) -> None:
    env_file.write_text("HOST_APPLICATION=1\nLOG_LEVEL=ERROR\n")
    assert Config().log_level == "ERROR"


def test_several_files_may_be_named(env_file: Path) -> None:
    env_file.write_text("LOG_LEVEL=ERROR\nLOG_FORMAT=json\n")
    Path("more.env").write_text("LOG_LEVEL=DEBUG\n")
    config = Config(_env_file=(env_file, "more.env"))
    assert (config.log_level, config.log_format) == ("DEBUG", "json")


def test_settings_outside_a_container_are_read_once_and_late(monkeypatch: pytest.MonkeyPatch) -> None:
    get_config.cache_clear()
    try:
        monkeypatch.setenv("LOG_LEVEL", "ERROR")
        first = get_config()
        monkeypatch.setenv("LOG_LEVEL", "DEBUG")
        configs: list[Config] = []
        thread = threading.Thread(target=lambda: configs.append(get_config()))
        thread.start()
        thread.join()
        assert configs == [first]
        assert configs[0] is first
        assert first.log_level == "ERROR"
    finally:
        get_config.cache_clear()


def test_copies_and_pickles_remember_where_values_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYAPP_LOG_LEVEL", "ERROR")
    config = Config(_env_prefix="MYAPP_")
    for twin in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):  # noqa: S301 - our own bytes
        assert twin == config
        assert twin.rows() == config.rows()


def test_file_in_another_encoding_is_a_problem_that_does_not_carry_the_file(env_file: Path) -> None:
    env_file.write_text("AZURE_CLIENT_SECRET=sesame", encoding="utf-16")
    with pytest.raises(ConfigurationError, match=r"^\.env is not UTF-8\nsave it in that encoding$") as caught:
        Config()
    assert caught.value.__context__ is None


def test_file_that_cannot_be_read_is_a_problem(env_file: Path) -> None:
    env_file.mkdir()
    with pytest.raises(
        ConfigurationError, match=r"^\.env is a folder\nmake it a file with lines NAME=value, or remove it$"
    ):
        Config()


def test_file_named_in_the_call_must_exist() -> None:
    with pytest.raises(ConfigurationError, match=r"production\.env does not exist"):
        Config(_env_file="production.env")


def test_line_that_is_not_understood_is_a_problem_beside_the_others(env_file: Path) -> None:
    env_file.write_text('LOG_LEVEL=loud\nAZURE_CLIENT_SECRET="sesame\n')
    with pytest.raises(ConfigurationError) as caught:
        Config()
    assert caught.value.problems == (
        ".env, line 2: write NAME=value, with both quotes or none",
        "LOG_LEVEL: 'loud' is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
    )


def test_require_returns_the_settings_when_nothing_is_missing() -> None:
    config = Config(azure_client_id="id")
    assert config.require("azure_client_id", "log_level") is config


def test_require_names_everything_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Config(_env_prefix="MYAPP_").require("azure_client_id", "log_level", "openai_api_key")
    assert caught.value.problems == (
        "MYAPP_AZURE_CLIENT_ID is not set (Application (client) id of the app registration in Entra ID)",
        "MYAPP_OPENAI_API_KEY is not set (Not used by iacs; for services of your own)",
    )
    assert caught.value.hint == "set it in the environment or in .env"


SECRETS = {
    "azure_client_secret": "sesame-1",
    "azure_client_certificate_password": "sesame-2",
    "database_url": "postgresql://me:sesame-3@db:5432/mail?sslpassword=sesame-4",
    "kafka_sasl_password": "sesame-5",
    "kafka_ssl_key_password": "sesame-7",
    "openai_api_key": "sesame-6",
    "token_encryption_key": KEY,
}


def test_no_secret_is_shown_in_any_form() -> None:
    config = Config(**SECRETS)
    shown = [
        repr(config),
        str(config),
        str(config.model_dump()),
        config.model_dump_json(),
        str(config.rows()),
    ]
    for secret in ("sesame", KEY):
        assert not [text for text in shown if secret in text]


def test_every_setting_that_sounds_secret_is_one() -> None:
    from iacs.core._settings.sources import is_secret_field
    from iacs.redaction import is_secret_name

    secret = {name for name, field in Config.model_fields.items() if is_secret_field(field)}
    assert secret == set(SECRETS)
    assert {name for name in Config.model_fields if is_secret_name(name)} <= secret


def test_rows_show_each_setting_with_secrets_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYAPP_KAFKA_BOOTSTRAP_SERVERS", "a:1,b:2")
    monkeypatch.setenv("MYAPP_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("MYAPP_KAFKA_SASL_USERNAME", "me")
    rows = {row.name: row[1:] for row in Config(_env_prefix="MYAPP_", **SECRETS).rows()}
    assert list(rows) == [f"MYAPP_{name.upper()}" for name in Config.model_fields]
    assert rows["MYAPP_DATABASE_URL"] == (
        "postgresql://me:[redacted]@db:5432/mail?sslpassword=[redacted]",
        "argument",
    )
    assert rows["MYAPP_OPENAI_API_KEY"] == ("[redacted]", "argument")
    assert rows["MYAPP_KAFKA_BOOTSTRAP_SERVERS"] == ("a:1,b:2", "environment")
    assert rows["MYAPP_HTTP_CA_FILE"] == ("", "default")
    assert rows["MYAPP_GRAPH_PAGE_SIZE"] == ("1000", "default")


def written(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value if value is not None else "")


def test_example_lists_every_setting_with_its_default_and_why() -> None:
    expected = [
        f"# {field.description}\n{name.upper()}={written(field.default)}"
        for name, field in Config.model_fields.items()
    ]
    assert EXAMPLE.read_text(encoding="utf-8").strip().split("\n\n")[1:] == expected


def test_copy_of_the_example_loads_to_the_defaults(env_file: Path) -> None:
    env_file.write_bytes(EXAMPLE.read_bytes())
    assert Config().model_dump() == Config(_env_file=None).model_dump()
    assert of_interest(Config(), "log_level", "azure_client_id") == [".env", "default"]
