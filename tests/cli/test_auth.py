"""Signing people in and out by command."""

import json
import socket
import sys
from asyncio import to_thread
from pathlib import Path

import aiohttp
import pytest

from iacs.sandbox import Sandbox
from tests.cli.conftest import (
    ALICE,
    BOB,
    Command,
    Iacs,
    Ran,
    SignIn,
    free_port,
    on_terminal,
    run_process,
    started,
)


async def browse(url: str) -> str:
    """Do what the person's browser does, redirects and all."""
    async with aiohttp.ClientSession() as browser, browser.get(url) as answer:
        return await answer.text()


def assert_no_secret(cloud: Sandbox, *texts: str) -> None:
    assert cloud.issued
    assert not [secret for secret in cloud.issued for text in texts if secret in text]


@pytest.fixture
async def enrolled(sign_in: SignIn) -> None:
    await sign_in()


@pytest.mark.usefixtures("enrolled")
async def test_a_person_signs_in_at_the_address_that_is_printed(at_cloud: Sandbox, iacs: Iacs) -> None:
    async with started("auth", "login", ALICE, "--no-browser") as command:
        page = await browse(await command.line())
        ran = await command.rest()
    assert "Signed in" in page
    assert ran == Ran(0, f"{ALICE} is signed in as Alice\n", f"Sign in as {ALICE} at this address:\n")
    listed = await to_thread(iacs, "account", "list")
    assert "active" in next(line for line in listed.lines if ALICE in line)
    assert_no_secret(at_cloud, ran.out, ran.err, page)


@pytest.mark.usefixtures("enrolled")
async def test_on_a_terminal_the_person_s_browser_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "browser.py"
    browser.write_text("import sys, urllib.request\nurllib.request.urlopen(sys.argv[1]).read()\n")
    monkeypatch.setenv("BROWSER", f"{sys.executable} {browser} %s")
    assert f"{ALICE} is signed in as Alice" in await on_terminal("auth", "login", ALICE)


async def device_sign_in(command: Command, email: str) -> None:
    code = json.loads(await command.line())
    await browse(f"{code['verification_uri']}?otc={code['user_code']}&login_hint={email}")


@pytest.mark.usefixtures("enrolled")
async def test_a_person_signs_in_with_a_code_on_another_device(at_cloud: Sandbox) -> None:
    at_cloud.behaviour.device_code_interval = 1
    async with started("auth", "login", ALICE, "--device-code", "--json") as command:
        await device_sign_in(command, ALICE)
        ran = await command.rest()
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["account"] == ALICE
    assert_no_secret(at_cloud, ran.out, ran.err)


@pytest.mark.usefixtures("enrolled")
async def test_a_code_that_nobody_enters_ends_at_the_deadline(at_cloud: Sandbox, iacs: Iacs) -> None:
    at_cloud.behaviour.device_code_interval = 1
    ran = await to_thread(iacs, "auth", "login", ALICE, "--device-code", "--timeout", "1")
    assert ran.code == 1
    assert "1 seconds" in ran.err
    assert "iacs auth login" in ran.err


@pytest.mark.usefixtures("enrolled")
async def test_a_sign_in_that_nobody_completes_ends_at_the_deadline(iacs: Iacs) -> None:
    ran = await to_thread(iacs, "auth", "login", ALICE, "--no-browser", "--timeout", "1")
    assert ran.code == 1
    assert "nobody signed in within 1 seconds" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.usefixtures("enrolled")
async def test_another_person_than_the_account_s_is_refused(iacs: Iacs) -> None:
    async with started("auth", "login", ALICE, "--no-browser", "--json") as command:
        url = json.loads(await command.line())["url"]
        await browse(url.replace("alice%40", "bob%40"))
        ran = await command.rest()
    assert ran.code == 1
    assert BOB in ran.err
    assert ALICE in ran.err
    assert "active" not in (await to_thread(iacs, "account", "list")).out


async def test_a_renewal_that_was_refused_is_tried_again(
    sign_in: SignIn, iacs: Iacs, at_cloud: Sandbox
) -> None:
    await sign_in(ALICE)
    assert "no account needs it" in (await to_thread(iacs, "auth", "retry")).err
    at_cloud.expire_access_tokens()
    at_cloud.faults.entra("invalid_grant", number=53003, times=2)
    refused = await to_thread(iacs, "mail", "query", ALICE)
    assert f"iacs auth retry {ALICE}" in refused.err
    again = await to_thread(iacs, "auth", "retry", "--json")
    assert again.code == 1
    assert "AADSTS53003" in json.loads(again.out)["problem"]
    assert (await to_thread(iacs, "auth", "retry")).out == f"{ALICE} has access again\n"
    assert (await to_thread(iacs, "mail", "query", ALICE)).code == 0


async def test_a_person_who_signed_out_must_sign_in_again(sign_in: SignIn, iacs: Iacs) -> None:
    await sign_in(ALICE)
    assert (await to_thread(iacs, "mail", "query", ALICE)).code == 0
    assert (await run_process("auth", "logout", ALICE)).out == f"{ALICE} is signed out\n"
    ran = await to_thread(iacs, "mail", "query", ALICE)
    assert (ran.code, ran.out) == (1, "")
    assert f"iacs auth login {ALICE}" in ran.err


async def test_idle_grants_are_kept_alive(sign_in: SignIn, iacs: Iacs, at_cloud: Sandbox) -> None:
    await sign_in(ALICE)
    assert "no grant is due" in (await to_thread(iacs, "auth", "keepalive")).err
    ran = await to_thread(iacs, "auth", "keepalive", "--idle-days", "0")
    assert (ran.code, ran.out) == (0, f"the grant of {ALICE} is renewed\n")
    at_cloud.faults.entra("invalid_grant", number=53003)
    ran = await to_thread(iacs, "auth", "keepalive", "--idle-days", "0", "--json")
    assert ran.code == 1
    assert "AADSTS53003" in json.loads(ran.out)["problem"]


@pytest.mark.usefixtures("enrolled")
async def test_the_doctor_prints_a_line_for_each_step(
    at_cloud: Sandbox, iacs: Iacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = await to_thread(iacs, "auth", "doctor")
    assert ran.code == 0, ran.out
    assert [line.split()[0] for line in ran.lines] == ["ok"] * 7
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    ran = await to_thread(iacs, "auth", "doctor", "--json")
    assert ran.code == 1
    (problem,) = [step for step in map(json.loads, ran.lines) if step["problem"]]
    assert "AADSTS7000215" in problem["problem"]
    assert problem["guide"] == "docs/tenant-setup.md#secret-or-certificate"


async def test_an_administrator_consents_at_the_address_that_is_printed(
    at_cloud: Sandbox, iacs: Iacs
) -> None:
    ran = await to_thread(iacs, "auth", "admin-consent", "--tenant", at_cloud.tenant_id)
    assert ran.code == 0, ran.err
    assert "Permissions requested" in await browse(ran.out.strip())


@pytest.mark.usefixtures("enrolled")
async def test_the_sign_in_pages_are_served_to_whoever_has_the_key(iacs: Iacs) -> None:
    async with started("auth", "serve", "--json") as command:
        url = json.loads(await command.line())["url"]
        async with aiohttp.ClientSession() as browser, browser.get(url) as answer:
            page = await answer.text()
        again = json.loads(await command.line())["url"]
        ran = await to_thread(iacs, "auth", "link", ALICE, "--json")
        link = await browse(json.loads(ran.out)["url"])
        command.process.terminate()
        ended = await command.rest()
    assert ALICE in page
    assert BOB in page
    assert again != url
    assert ALICE in link
    assert BOB not in link
    assert ended.code == 143
    assert "Traceback" not in ended.err


@pytest.mark.usefixtures("enrolled")
async def test_a_reverse_proxy_serves_the_sign_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_REDIRECT_URI", "https://mail.contoso.example/sign-in/callback")
    port = free_port()
    async with started("auth", "serve", "--port", str(port)) as command:
        url = await command.line()
        assert url.startswith("https://mail.contoso.example/sign-in/?key=")
        for path, host in (("/sign-in/", "mail.contoso.example"), ("/", f"127.0.0.1:{port}")):
            address = f"http://127.0.0.1:{port}{path}{url[url.index('?') :]}"
            async with (
                aiohttp.ClientSession() as browser,
                browser.get(address, headers={"Host": host}, allow_redirects=False) as answer,
            ):
                assert (answer.status, answer.headers["Location"]) == (303, "./")
                assert answer.headers["Set-Cookie"].startswith("__Host-iacs-operator=")
                assert answer.headers["Set-Cookie"].endswith("; Secure")
            url = await command.line()


@pytest.mark.usefixtures("enrolled")
async def test_the_sign_in_pages_are_reached_from_outside_of_a_container() -> None:
    async with started("auth", "serve", "--host", "0.0.0.0") as command:  # noqa: S104 - only there
        url = await command.line()
        assert ALICE in await browse(url)


@pytest.mark.usefixtures("enrolled")
async def test_pages_that_cannot_be_served_say_what_to_do(
    iacs: Iacs, at_cloud: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("AZURE_REDIRECT_URI", f"http://localhost:{port}/callback")
        ran = await to_thread(iacs, "auth", "serve")
        assert ran.code == 1
        assert f"port {port} of 127.0.0.1 is not available" in ran.err
    monkeypatch.setenv("AZURE_REDIRECT_URI", "https://mail.contoso.example/callback")
    ran = await to_thread(iacs, "auth", "serve")
    assert ran.code == 1
    assert "choose a --port for the reverse proxy" in ran.err
    assert "Open this address" not in ran.err
