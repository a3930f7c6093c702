"""Proxies as curl and requests take them from the environment, and what is said when a proxy refuses."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from iacs.core._http.proxy import proxy_for
from iacs.core.exceptions import APIConnectionError, ConfigurationError
from iacs.core.http_client import HttpClient
from tests.fixtures.identity import ScriptedServer

GRAPH = "https://graph.example/v1.0/me"
PLAIN = "http://graph.example/v1.0/me"


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, GRAPH, "proxy.example:3128"),
        ({"HTTPS_PROXY": "proxy.example:3128"}, GRAPH, "proxy.example:3128"),
        ({"HTTPS_PROXY": "proxy.example"}, GRAPH, "proxy.example:80"),
        ({"https_proxy": "http://user:p%40ss@[::1]:3128/"}, GRAPH, "[::1]:3128"),
        ({"HTTPS_PROXY": "https://proxy.example"}, GRAPH, "proxy.example:443"),
        ({"HTTP_PROXY": "proxy.example:3128"}, GRAPH, None),
        ({"HTTP_PROXY": "proxy.example:3128"}, "http://graph.example/", "proxy.example:3128"),
        ({"ALL_PROXY": "proxy.example:3128"}, GRAPH, "proxy.example:3128"),
        ({"all_proxy": "other.example:1", "HTTPS_PROXY": "proxy.example:2"}, GRAPH, "proxy.example:2"),
        ({}, GRAPH, None),
    ],
)
def test_a_proxy_is_read_in_every_form(
    variables: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(url)
    assert (found and found.address) == proxy


@pytest.mark.parametrize(
    ("exceptions", "host", "is_exception"),
    [
        ("graph.example", "graph.example", True),
        ("example", "graph.example", True),
        (".example", "graph.example", True),
        ("*.example", "graph.example", True),
        ("ph.example", "graph.example", False),
        ("graph.example:443", "graph.example", True),
        ("graph.example:8443", "graph.example", False),
        ("graph.example:8443", "graph.example:8443", True),
        ("other.example, Graph.Example", "graph.example", True),
        ("other.example graph.example", "graph.example.", True),
        ("*", "graph.example", True),
        ("", "graph.example", False),
        (".,:,[", "graph.example", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("2.3", "10.1.2.3", False),
        ("10.1.2.3:443", "10.1.2.3", True),
        ("fd00::/8", "[fd00::1]", True),
        ("[fd00::1]:443", "[fd00::1]", True),
        ("::1", "[::1]:8443", True),
        ("10.0.0.0/99", "10.1.2.3", False),
    ],
)
def test_no_proxy_names_hosts_domains_networks_and_ports(
    exceptions: str, host: str, is_exception: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert (proxy_for(f"https://{host}/") is None) == is_exception


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("HTTPS_PROXY", "http://user:sesame@proxy:port", "HTTPS_PROXY is not the address of an HTTP proxy"),
        ("HTTPS_PROXY", "http://[::1", "HTTPS_PROXY is not the address of an HTTP proxy"),
        ("HTTPS_PROXY", "http://", "HTTPS_PROXY is not the address of an HTTP proxy"),
        ("HTTPS_PROXY", "ftp://proxy:21", "HTTPS_PROXY is not the address of an HTTP proxy"),
        ("ALL_PROXY", "socks5h://user:sesame@proxy:1080", "ALL_PROXY names a SOCKS proxy"),
    ],
)
async def test_an_address_that_cannot_be_a_proxy_names_the_variable(
    http: HttpClient, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=message) as caught:
        await http.send("GET", GRAPH)
    assert "http://host:port" in caught.value.hint
    assert "sesame" not in caught.value.message_with_hint


async def test_the_proxy_of_the_environment_is_used(
    server: ScriptedServer, http: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.url.removeprefix("http://")
    monkeypatch.setenv("http_proxy", f"me:p%40ss@{address}")
    await http.send("GET", "http://graph.example/v1.0/me")
    sent = server.requests[0].headers
    assert sent["Host"] == "graph.example"
    assert sent["Proxy-Authorization"] == f"Basic {b64encode(b'me:p@ss').decode()}"
    monkeypatch.setenv("no_proxy", "127.0.0.0/8")
    await http.send("GET", server.url + "/direct")
    assert server.requests[1].path == "/direct"


@asynccontextmanager
async def proxy_that_answers(answer: bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0, ssl=context) as listener:
        yield f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("url", "status", "challenge", "message", "hint"),
    [
        (GRAPH, 407, "Basic realm=corp", "requires authentication", "user and password in HTTPS_PROXY"),
        (PLAIN, 407, "Basic realm=corp", "requires authentication", "user and password in HTTP_PROXY"),
        (GRAPH, 407, "Negotiate", "requires authentication", "asks for Negotiate"),
        (GRAPH, 403, "", "refused the connection to graph.example", "allow graph.example"),
        (GRAPH, 502, "", "cannot reach graph.example", "later"),
        (GRAPH, 504, "", "cannot reach graph.example", "later"),
    ],
)
async def test_a_proxy_that_refuses_is_named(
    http: HttpClient,
    monkeypatch: pytest.MonkeyPatch,
    *,
    url: str,
    status: int,
    challenge: str,
    message: str,
    hint: str,
) -> None:
    header = f"Proxy-Authenticate: {challenge}\r\n" if challenge else ""
    answer = f"HTTP/1.1 {status} No\r\n{header}Content-Length: 0\r\n\r\n".encode()
    async with proxy_that_answers(answer) as address:
        monkeypatch.setenv(f"{url.partition(':')[0]}_proxy", f"http://me:sesame@{address}")
        with pytest.raises(APIConnectionError, match=message) as caught:
            await http.send("GET", url)
    assert f"the proxy {address}" in str(caught.value)
    assert f"({status})" in str(caught.value)
    assert hint in caught.value.hint
    assert "sesame" not in caught.value.message_with_hint


async def test_a_proxy_that_nobody_runs_or_that_hangs_up_is_named(
    http: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy_that_answers(b"") as address:
        monkeypatch.setenv("https_proxy", address)
        with pytest.raises(APIConnectionError, match=f"through the proxy {address} was lost"):
            await http.send("GET", GRAPH)
    with pytest.raises(APIConnectionError, match=f"the proxy {address} cannot be reached") as caught:
        await http.send("GET", GRAPH)
    assert "HTTPS_PROXY" in caught.value.hint


async def test_the_certificate_of_the_proxy_is_its_own_problem(
    http: HttpClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with proxy_that_answers(b"", context) as address:
        monkeypatch.setenv("https_proxy", f"https://{address}")
        with pytest.raises(
            APIConnectionError, match=f"the certificate of the proxy {address} is not trusted"
        ):
            await http.send("GET", GRAPH)
