import asyncio
import errno
import socket
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from iacs.auth import AuthorizationCallback, LoopbackListener, SignedIn
from iacs.core.exceptions import APIConnectionError, AuthenticationError, ConfigurationError
from iacs.core.http_client import HttpClient
from tests.fixtures.sign_in import ALICE, Identity

STATE = SecretStr("the state")


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@pytest.fixture
def redirect_uri(port: int) -> str:
    return f"http://localhost:{port}/callback"


async def test_the_callback_has_the_code(redirect_uri: str, http: HttpClient) -> None:
    async with LoopbackListener(redirect_uri, STATE) as listener:
        answer = await http.send("GET", f"{redirect_uri}?state=the+state&code=the-code")
        callback = await listener.callback(timeout=5)
    assert callback.code == SecretStr("the-code")
    assert callback.state == STATE
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert b"You can close this window" in answer.body
    assert b"the-code" not in answer.body


async def test_a_whole_sign_in_ends_at_the_listener(
    identity: Identity, redirect_uri: str, http: HttpClient
) -> None:
    identity.oauth_client.redirect_uri = redirect_uri
    request = await identity.auth.begin(ALICE)
    async with LoopbackListener(request.redirect_uri, request.state, identity.auth.complete) as listener:
        redirect = await http.send("GET", request.url)
        pages = [await http.send("GET", redirect.headers["Location"]) for _ in range(2)]
        signed_in = await listener.signed_in(timeout=5)
    assert signed_in.account == ALICE
    assert [page.status for page in pages] == [200, 200]
    assert b"Signed in</h1><p>Alice signed in to <bdi>alice@contoso.example</bdi>." in pages[0].body


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (
            AuthenticationError("bob <signed> in", hint="sign out first"),
            403,
            b"<dd>bob &lt;signed&gt; in</dd>",
        ),
        (AuthenticationError("bob signed in", hint="sign out first"), 403, b"<dd>sign out first</dd>"),
        (ValueError("a secret"), 500, b"Something went wrong here"),
    ],
)
async def test_the_page_of_a_refused_sign_in_says_why(
    redirect_uri: str, http: HttpClient, error: Exception, status: int, sentence: bytes
) -> None:
    async def refuse(callback: AuthorizationCallback) -> SignedIn:
        raise error

    async with LoopbackListener(redirect_uri, STATE, refuse) as listener:
        page = await http.send("GET", f"{redirect_uri}?state=the+state&code=c")
        with pytest.raises(type(error), match=str(error)):
            await listener.signed_in(timeout=5)
    assert page.status == status
    assert sentence in page.body
    assert b"a secret" not in page.body
    assert b"Signed in" not in page.body


async def test_closing_ends_a_sign_in_that_is_being_checked(redirect_uri: str, http: HttpClient) -> None:
    checking = asyncio.Event()

    async def hang(callback: AuthorizationCallback) -> SignedIn:
        checking.set()
        return await asyncio.Future[SignedIn]()

    async with LoopbackListener(redirect_uri, STATE, hang) as listener:
        browser = asyncio.create_task(http.send("GET", f"{redirect_uri}?state=the+state&code=c"))
        await asyncio.wait_for(checking.wait(), 10)
        waiting = asyncio.create_task(listener.signed_in(timeout=5))
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(APIConnectionError):
        await browser


async def test_without_a_check_the_page_claims_no_success(redirect_uri: str, http: HttpClient) -> None:
    async with LoopbackListener(redirect_uri, STATE) as listener:
        page = await http.send("GET", f"{redirect_uri}?state=the+state&code=c")
        with pytest.raises(RuntimeError, match="complete"):
            await listener.signed_in(timeout=5)
    assert b"shows whether it succeeded" in page.body


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
async def test_localhost_is_listened_on_in_both_families(
    address: str, port: int, redirect_uri: str, http: HttpClient
) -> None:
    if address == "[::1]" and not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    async with LoopbackListener(redirect_uri, STATE) as listener:
        url = f"http://{address}:{port}/callback?state=the+state&code=c"
        await http.send("GET", url, headers={"Host": f"localhost:{port}"})
        assert (await listener.callback(timeout=5)).code == SecretStr("c")


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


async def test_an_error_is_returned_and_shown_escaped(redirect_uri: str, http: HttpClient) -> None:
    async with LoopbackListener(redirect_uri, STATE) as listener:
        query = "state=the+state&error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E"
        answer = await http.send("GET", f"{redirect_uri}?{query}")
        callback = await listener.callback(timeout=5)
    assert (callback.error, callback.code) == ("access_denied", None)
    assert callback.error_description == "<script>alert(1)</script>"
    assert answer.status == 400
    assert b"<script>" not in answer.body
    assert b"&lt;script&gt;" in answer.body


@pytest.mark.parametrize(
    ("method", "path", "host", "status"),
    [
        ("GET", "/callback?state=another&code=c", None, 400),
        ("GET", "/callback?code=c", None, 400),
        ("GET", "/callback/?state=the+state&code=c", None, 404),
        ("GET", "/?state=the+state&code=c", None, 404),
        ("POST", "/callback?state=the+state&code=c", None, 405),
        ("GET", "/callback?state=the+state&code=c", "evil.example", 404),
    ],
)
async def test_anything_else_does_not_end_the_wait(
    port: int, redirect_uri: str, http: HttpClient, method: str, path: str, host: str | None, status: int
) -> None:
    async with LoopbackListener(redirect_uri, STATE) as listener:
        headers = {"Host": host} if host else None
        answer = await http.send(method, f"http://localhost:{port}{path}", headers=headers)
        assert answer.status == status
        with pytest.raises(AuthenticationError, match=r"nobody signed in within 0\.05 seconds"):
            await listener.callback(timeout=0.05)
        await http.send("GET", f"{redirect_uri}?state=the+state&code=later")
        await http.send("GET", f"{redirect_uri}?state=the+state&code=again")
        assert (await listener.callback(timeout=5)).code == SecretStr("later")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_port_in_use_says_what_to_do(port: int, redirect_uri: str, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if address == "::1" and not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    with (
        socket.create_server((address, port), family=family),
        pytest.raises(AuthenticationError, match=f"port {port} of [\\s\\S]* AZURE_REDIRECT_URI"),
    ):
        async with LoopbackListener(redirect_uri, STATE):
            pass


async def test_a_machine_without_ipv6_listens_on_ipv4(
    redirect_uri: str, http: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = socket.create_server

    def only_ipv4(address: tuple[str, int], *, family: socket.AddressFamily) -> socket.socket:
        if family is socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return create(address, family=family)

    monkeypatch.setattr("iacs.auth.loopback_listener.socket.create_server", only_ipv4)
    async with LoopbackListener(redirect_uri, STATE) as listener:
        url = redirect_uri.replace("localhost", "127.0.0.1")
        headers = {"Host": urlsplit(redirect_uri).netloc}
        await http.send("GET", f"{url}?state=the+state&code=c", headers=headers)
        assert (await listener.callback(timeout=5)).code == SecretStr("c")


async def test_the_port_is_free_again_afterwards(redirect_uri: str) -> None:
    for _ in range(2):
        async with LoopbackListener(redirect_uri, STATE) as listener:
            pass
        await listener.aclose()


@pytest.mark.parametrize(
    "uri", ["https://localhost:8400/callback", "http://example.com/callback", "http://0.0.0.0:1/", "x", ""]
)
async def test_an_address_elsewhere_is_refused(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="AZURE_REDIRECT_URI is not an http:// address"):
        async with LoopbackListener(uri, STATE):
            pass


async def test_waiting_ends_with_the_listener(redirect_uri: str) -> None:
    async with LoopbackListener(redirect_uri, STATE) as listener:
        waiting = asyncio.create_task(listener.callback())
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_it_is_used_inside_async_with(redirect_uri: str) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await LoopbackListener(redirect_uri, STATE).callback()
