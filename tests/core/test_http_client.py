import asyncio
import gc
import gzip
import socket
import ssl
import traceback
import warnings
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from iacs.core.exceptions import APIConnectionError, ConfigurationError, MalformedResponseError
from iacs.core.http_client import HttpClient
from tests.fixtures.identity import Answer, ScriptedServer


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def https_server(certificate: trustme.LeafCert) -> AsyncIterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)

    async def hello(request: web.BaseRequest) -> web.Response:
        return web.Response(text="hello")

    runner = web.ServerRunner(web.Server(hello, access_log=None), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://localhost:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def https_url(authority: trustme.CA) -> AsyncIterator[str]:
    async with https_server(authority.issue_cert("localhost")) as url:
        yield url


async def test_an_answer_of_any_status_is_returned(server: ScriptedServer, http: HttpClient) -> None:
    server.answer("/x", Answer(503, "busy", {"Retry-After": "7"}))
    response = await http.send("GET", server.url + "/x")
    assert (response.status, response.body, response.headers["retry-after"]) == (503, b"busy", "7")


async def test_a_form_is_sent_encoded(server: ScriptedServer, http: HttpClient) -> None:
    await http.send("POST", server.url + "/x", form={"secret": "a+b/c=&d"}, headers={"X-Id": "1"})
    assert server.requests[0].form == {"secret": "a+b/c=&d"}
    assert server.requests[0].headers["X-Id"] == "1"


async def test_a_redirect_is_not_followed(server: ScriptedServer, http: HttpClient) -> None:
    server.answer("/x", Answer(307, "", {"Location": server.url + "/elsewhere"}))
    assert (await http.send("POST", server.url + "/x", form={"code": "1"})).status == 307
    assert server.received("/elsewhere") == []


async def test_cookies_are_not_kept(server: ScriptedServer, http: HttpClient) -> None:
    server.answer("/x", Answer(headers={"Set-Cookie": "session=alice; Path=/"}))
    await http.send("GET", server.url + "/x")
    await http.send("GET", server.url + "/x")
    assert "Cookie" not in server.requests[1].headers


async def test_a_password_of_netrc_does_not_replace_a_token(
    server: ScriptedServer, http: HttpClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    await http.send("GET", server.url + "/x", headers={"Authorization": "Bearer ours"})
    assert server.requests[0].headers["Authorization"] == "Bearer ours"


async def test_nobody_listening_is_an_error_with_the_host_and_without_the_query(
    http: HttpClient, closed_port: int
) -> None:
    with pytest.raises(APIConnectionError) as caught:
        await http.send("GET", f"http://127.0.0.1:{closed_port}/callback?code=hunter2")
    assert str(caught.value) == f"127.0.0.1:{closed_port} cannot be reached (Connection refused)"
    assert "hunter2" not in str(caught.value)
    assert caught.value.status is None


@asynccontextmanager
async def raw_server(answer: bytes | None) -> AsyncIterator[str]:
    """Answer every request with these bytes and hang up; None: say nothing until the client hangs up."""
    finished = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()
        await writer.wait_closed()
        finished.set()

    async with await asyncio.start_server(converse, "127.0.0.1", 0) as listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/?code=hunter2"
        async with asyncio.timeout(10):
            await finished.wait()


async def test_an_answer_that_takes_too_long_is_an_error() -> None:
    async with raw_server(None) as url, HttpClient(timeout=0.1) as client:
        with pytest.raises(APIConnectionError, match=r"did not answer within 0\.1 seconds"):
            await client.send("GET", url)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_a_connection_that_breaks_off_is_an_error(http: HttpClient, answer: bytes) -> None:
    async with raw_server(answer) as url:
        with pytest.raises(APIConnectionError, match="was lost"):
            await http.send("POST", url)


async def test_an_answer_that_is_not_http_does_not_quote_the_url(http: HttpClient) -> None:
    async with raw_server(b"SSH-2.0-OpenSSH\r\n\r\n") as url:
        with pytest.raises(APIConnectionError, match="not HTTP") as caught:
            await http.send("GET", url)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


MIB = 2**20


def http_response(body: bytes, *headers: str) -> bytes:
    return "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *headers, "")).encode() + body


def chunked(body: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body, b""))


@pytest.mark.parametrize(
    ("answer", "size"),
    [
        (http_response(bytes(MIB), f"Content-Length: {MIB}"), MIB),
        (http_response(bytes(MIB)), MIB),
        (http_response(chunked(bytes(MIB)), "Transfer-Encoding: chunked"), MIB),
        (http_response(gzip.compress(bytes(MIB)), "Content-Encoding: gzip"), MIB),
        (http_response(zlib.compress(bytes(MIB)), "Content-Encoding: deflate"), MIB),
    ],
    ids=["length", "until the end", "chunked", "gzip", "deflate"],
)
async def test_a_body_is_read_up_to_the_limit_and_no_further(answer: bytes, size: int) -> None:
    async with raw_server(answer) as url, HttpClient(max_response_bytes=size) as client:
        assert (await client.send("GET", url)).body == bytes(size)
    async with raw_server(answer) as url, HttpClient(max_response_bytes=size - 1) as client:
        with pytest.raises(
            MalformedResponseError, match=rf"^the response of \S+ is larger than {size - 1} bytes"
        ) as caught:
            await client.send("GET", url)
    assert (caught.value.status, caught.value.hint.split()[1]) == (200, "HTTP_MAX_RESPONSE_BYTES,")
    assert "hunter2" not in str(caught.value)


async def test_a_body_without_an_end_is_refused_by_its_size_and_not_by_the_time() -> None:
    async def write(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(http_response(b""))
            while True:
                writer.write(bytes(MIB))
                await writer.drain()

    server = await asyncio.start_server(write, "127.0.0.1", 0)
    async with server, HttpClient(timeout=60, max_response_bytes=8 * MIB) as client:
        with pytest.raises(MalformedResponseError, match="larger than"):
            await client.send("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


async def test_the_event_loop_goes_on_while_a_body_is_decompressed() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    answer = http_response(gzip.compress(bytes(64 * MIB)), "Content-Encoding: gzip")
    async with raw_server(answer) as url, HttpClient(timeout=60) as client:
        counting = asyncio.create_task(count())
        await asyncio.sleep(0)
        idle = turns
        response = await client.send("GET", url)
        counting.cancel()
    assert len(response.body) == 64 * MIB
    assert turns - idle > 64


async def test_an_address_without_a_host_is_an_error(http: HttpClient) -> None:
    with pytest.raises(APIConnectionError, match="without a host"):
        await http.send("GET", "/callback?code=hunter2")


async def test_a_certificate_of_an_unknown_ca_is_refused(http: HttpClient, https_url: str) -> None:
    with pytest.raises(APIConnectionError, match="issued by an unknown CA") as caught:
        await http.send("GET", https_url)
    assert "HTTP_CA_FILE" in caught.value.hint


@pytest.mark.parametrize(
    ("host", "days", "message", "hint"),
    [
        ("localhost", (-2, -1), "has expired", "renewed"),
        ("localhost", (1, 2), "is not valid yet", "clock"),
        ("portal.example", (-1, 1), "was issued for another host", "name"),
    ],
)
async def test_what_is_wrong_with_a_certificate_of_a_trusted_ca_is_said(
    authority: trustme.CA, tmp_path: Path, host: str, days: tuple[int, int], message: str, hint: str
) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    start, end = (datetime.now(UTC) + timedelta(days=day) for day in days)
    certificate = authority.issue_cert(host, not_before=start, not_after=end)
    async with https_server(certificate) as url, HttpClient(ca_file=ca_file) as client:
        with pytest.raises(APIConnectionError, match=message) as caught:
            await client.send("GET", url)
    assert url.removeprefix("https://") in str(caught.value)
    assert hint in caught.value.hint
    assert "HTTP_CA_FILE" not in caught.value.hint  # the CA is not the cause


async def test_a_port_without_tls_is_named(server: ScriptedServer, http: HttpClient) -> None:
    with pytest.raises(APIConnectionError, match=r"the TLS handshake with .* failed"):
        await http.send("GET", server.url.replace("http://", "https://"))


async def test_a_ca_file_is_trusted_beside_the_systems_own(
    authority: trustme.CA, https_url: str, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with HttpClient(ca_file=ca_file) as client:
        assert (await client.send("GET", https_url)).body == b"hello"


@pytest.mark.parametrize("content", [None, "not a certificate"])
async def test_a_ca_file_that_cannot_be_read_names_the_setting(tmp_path: Path, content: str | None) -> None:
    ca_file = tmp_path / "ca.pem"
    if content:
        ca_file.write_text(content)
    async with HttpClient(ca_file=ca_file) as client:
        with pytest.raises(ConfigurationError, match=r"HTTP_CA_FILE: .*ca\.pem cannot be read"):
            await client.send("GET", "https://localhost/")


async def test_one_session_serves_all_requests(server: ScriptedServer, http: HttpClient) -> None:
    await asyncio.gather(*(http.send("GET", server.url) for _ in range(5)))
    assert len(http._sessions) == 1


async def test_closing_twice_is_safe_and_a_later_request_opens_anew(server: ScriptedServer) -> None:
    client = HttpClient()
    await client.send("GET", server.url)
    await client.aclose()
    await client.aclose()
    assert (await client.send("GET", server.url)).status == 404
    await client.aclose()


async def visit(client: HttpClient, headers: dict[str, str]) -> int:
    async def hello(request: web.BaseRequest) -> web.Response:
        return web.Response(text="hello", headers=headers)

    runner = web.ServerRunner(web.Server(hello, access_log=None), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        return (await client.send("GET", f"http://127.0.0.1:{runner.addresses[0][1]}")).status
    finally:
        await runner.cleanup()


def test_each_event_loop_has_its_own_session_and_takes_it_along() -> None:
    client = HttpClient()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert [asyncio.run(visit(client, {})) for _ in range(3)] == [200, 200, 200]
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_the_session_of_a_loop_that_was_merely_closed_is_discarded() -> None:
    client = HttpClient()
    loop = asyncio.new_event_loop()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert loop.run_until_complete(visit(client, {"Connection": "close"})) == 200
        loop.close()
        assert asyncio.run(visit(client, {})) == 200
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
    assert loop not in client._sessions
