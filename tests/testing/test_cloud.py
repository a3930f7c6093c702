"""Real runs of pytest with the fixture `cloud`."""

import os

import pytest

from tests.fixtures.cloud import MAILBOXES

pytest_plugins = ["pytester"]

INI = """
[pytest]
iacs_container = iacs.containers:ApplicationContainer
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("COLUMNS", "200")
    pytester.makeini(INI)
    (pytester.path / "alice.mbox").symlink_to(MAILBOXES / "alice.mbox")
    return pytester


def outcome(project: pytest.Pytester, source: str, *arguments: str, **expected: int) -> pytest.RunResult:
    """Run the tests of a source in the order in which they are written, and compare the outcome."""
    project.makepyfile(source)
    result = project.runpytest_inprocess("-p", "no:randomly", *arguments)
    result.assert_outcomes(**expected)
    return result


def test_the_application_syncs_the_mail_of_the_mark_and_what_the_test_delivers(
    project: pytest.Pytester,
) -> None:
    source = """
    import pytest
    from email.message import EmailMessage
    from iacs.mail_query import MailQueryService, Message

    ALICE, BOB = "alice@contoso.example", "bob@contoso.example"
    HELLO = EmailMessage()
    HELLO["Subject"] = "Hello"
    HELLO["To"] = f"Bob <{BOB}>"

    async def subjects(mail, account):
        await mail.sync(account)
        return {m.id: m.subject async for m in mail.stored(account) if isinstance(m, Message)}

    @pytest.mark.cloud(mailboxes={ALICE: "alice.mbox", BOB: [HELLO, b"Subject: Raw\\n\\nText"]})
    async def test_it(cloud, application):
        mail = application.get(MailQueryService)
        before = await subjects(mail, ALICE)
        assert len(before) > 5
        assert sorted((await subjects(mail, BOB)).values()) == ["Hello", "Raw"]
        delivered = cloud.receive(subject="Invoice", sender="carol@contoso.example", text="Pay.")
        cloud.receive(HELLO)
        assert set((await subjects(mail, ALICE)).values()) - set(before.values()) == {"Invoice"}
        assert sorted((await subjects(mail, BOB)).values()) == ["Hello", "Hello", "Raw"]
        cloud.change(delivered, isRead=True)
        cloud.remove(next(iter(before)))
        assert len(await subjects(mail, ALICE)) == len(before)

    @pytest.mark.cloud(mailboxes=[BOB])
    async def test_without_mail(cloud, application):
        assert await subjects(application.get(MailQueryService), BOB) == {}
        assert cloud.addresses == (BOB,)
    """
    outcome(project, source, passed=2)


def test_failures_are_method_calls(project: pytest.Pytester) -> None:
    source = """
    import pytest
    from iacs.core.exceptions import GraphError, SignInRequiredError
    from iacs.mail_query import MailQueryService

    ALICE = "alice@contoso.example"

    async def test_throttled_and_dropped(cloud, application):
        cloud.throttle()
        cloud.drop(after=1)
        await application.get(MailQueryService).sync(ALICE)
        assert {429, 0} < {request.status for request in cloud.requests}

    async def test_refused(cloud, application):
        cloud.refuse("*/mailFolders*", times=None)
        with pytest.raises(GraphError, match="denies access.*ErrorAccessDenied"):
            await application.get(MailQueryService).folders(ALICE)

    async def test_revoked(cloud, application):
        cloud.revoke(ALICE)
        with pytest.raises(SignInRequiredError):
            await application.get(MailQueryService).folders(ALICE)
    """
    outcome(project, source, passed=3)


def test_nothing_of_one_test_reaches_the_next(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEY_FILE", "/key")
    source = """
    import os, pytest
    from iacs.account import AccountService
    from iacs.mail_query import MailQueryService

    ALICE = "alice@contoso.example"
    seen = []

    @pytest.mark.parametrize("number", [1, 2])
    async def test_it(cloud, application, number):
        assert (cloud.requests, cloud.sandbox.issued[2:], cloud.sandbox.mailbox(ALICE).messages) == ((), (), ())
        assert [account.email for account in await application.get(AccountService).list()] == [ALICE]
        assert os.environ["KAFKA_BOOTSTRAP_SERVERS"] == ""
        seen.append((cloud.sandbox.url, os.environ["TOKEN_ENCRYPTION_KEY"], os.environ["DATABASE_URL"]))
        cloud.receive()
        cloud.sandbox.behaviour.mailbox_concurrency = 1
        assert len(await application.get(MailQueryService).folders(ALICE)) == 6
        cloud.throttle(times=None)

    def test_one_server_and_two_databases():
        (url, key, database), (other_url, other_key, other_database) = seen
        assert url == other_url
        assert key != other_key
        assert database != other_database
        assert os.environ["KAFKA_BOOTSTRAP_SERVERS"] == "kafka.example:9092"
        assert "GRAPH_URL" not in os.environ
        assert "TOKEN_ENCRYPTION_KEY" not in os.environ
        assert os.environ["TOKEN_ENCRYPTION_KEY_FILE"] == "/key"
    """
    outcome(project, source, passed=3)
    assert "GRAPH_URL" not in os.environ


def test_a_test_may_sign_in_itself(project: pytest.Pytester) -> None:
    source = """
    import pytest
    from iacs.account import AccountService
    from iacs.runtime import Application
    from iacs.containers import ApplicationContainer

    ALICE, BOB = "alice@contoso.example", "bob@contoso.example"
    pytestmark = pytest.mark.cloud(mailboxes=[ALICE, BOB])

    async def statuses(application):
        return {account.email: account.status for account in await application.get(AccountService).list()}

    @pytest.mark.cloud(signed_in=False)
    async def test_later(cloud, application):
        assert await statuses(application) == {}
        cloud.sign_in(application, BOB)
        assert await statuses(application) == {BOB: "active"}

    async def test_another_application(cloud):
        async with Application(ApplicationContainer()) as application:
            await application.get(AccountService).add(ALICE)
            cloud.sign_in(application)
            assert await statuses(application) == {ALICE: "active", BOB: "active"}
    """
    outcome(project, source, passed=2)


def test_an_application_without_accounts_is_left_alone(project: pytest.Pytester) -> None:
    source = """
    import pytest
    from iacs.core.database import Database

    @pytest.mark.iacs(roots=[Database])
    def test_without_a_loop(cloud, application):
        assert application.get(Database).dialect == "sqlite"
    """
    outcome(project, source, passed=1)


def test_a_fixture_of_the_project_with_that_name_is_left_alone(project: pytest.Pytester) -> None:
    source = """
    import pytest

    @pytest.fixture
    def cloud(application):
        return application["core.config"].log_level

    @pytest.fixture
    def postgresql(cloud, monkeypatch):
        return "pytest-postgresql"

    @pytest.mark.iacs(roots=["core.config"])
    def test_it(cloud, application, postgresql):
        assert cloud == "INFO"

    @pytest.mark.iacs(roots=["core.database"])
    def test_the_stand_in_with_another_database(iacs_cloud, application, postgresql):
        assert application["core.database"].dialect == "sqlite"
    """
    outcome(project, source, passed=2)


def test_an_application_of_another_cloud_is_refused(project: pytest.Pytester) -> None:
    source = """
    import pytest
    from dependency_injector import providers
    from iacs.containers import ApplicationContainer
    from iacs.core.config import Config

    @pytest.fixture
    def iacs_container():
        container = ApplicationContainer()
        config = Config(_env_file=None, graph_url="https://graph.microsoft.us/v1.0")
        container.core.config.override(providers.Object(config))
        return container

    async def test_it(cloud, application): ...
    """
    result = outcome(project, source, errors=1)
    result.stdout.fnmatch_lines(
        ["*the application does not use the stand-in: its graph_url is https://graph.microsoft.us/v1.0*"]
    )


def test_settings_may_have_a_prefix(project: pytest.Pytester) -> None:
    source = """
    import pytest
    from dependency_injector import providers
    from iacs.containers import ApplicationContainer
    from iacs.core.config import Config
    from iacs.mail_query import MailQueryService

    @pytest.fixture
    def iacs_container():
        container = ApplicationContainer()
        container.core.config.override(providers.Singleton(Config, _env_prefix="SHOP_"))
        return container

    async def test_it(cloud, application):
        assert await application.get(MailQueryService).folders("alice@contoso.example")
    """
    outcome(project, source, "-o", "iacs_env_prefix=shop_", passed=1)


@pytest.mark.parametrize(
    ("mark", "line"),
    [
        ("mailbox=['a@b.example']", "*the mark cloud does not accept mailbox"),
        ("'a@b.example'", "*the mark cloud does not accept 'a@b.example'"),
        (
            "mailboxes={'a@b.example': 'missing.mbox'}",
            "*SandboxError: cannot read the mail in *missing.mbox: No such*",
        ),
    ],
)
def test_a_mistake_in_the_mark_is_an_error(project: pytest.Pytester, mark: str, line: str) -> None:
    source = f"import pytest\n@pytest.mark.cloud({mark})\ndef test_it(cloud): ..."
    result = outcome(project, source, "--strict-markers", errors=1)
    result.stdout.fnmatch_lines([line])


def test_several_processes_have_a_server_each(project: pytest.Pytester) -> None:
    source = """
    import pytest

    @pytest.mark.parametrize("number", range(6))
    def test_it(cloud, number):
        assert cloud.sandbox.mailbox("alice@contoso.example").messages == ()
        cloud.receive()
    """
    project.makepyfile(source)
    result = project.runpytest_subprocess("-n", "2")
    result.assert_outcomes(passed=6)
