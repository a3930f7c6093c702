from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from benchmarks import mail, mail_ways, mailbox
from benchmarks.rivals import RIVALS, Rival
from benchmarks.rivals.graph import Config, Database
from benchmarks.served import LIBRARIES, Library
from benchmarks.served.asgi import Server
from benchmarks.served.graph import counts


@pytest.fixture(params=RIVALS, ids=lambda rival: rival.name)
def rival(request: pytest.FixtureRequest) -> Iterator[Rival]:
    rival: Rival = request.param()
    rival.declare()
    rival.build()
    yield rival
    rival.close()


def test_every_rival_wires_the_same_graph(rival: Rival) -> None:
    a, b = rival.first()
    assert type(a.db) is Database
    assert (a.token, a.token.db, a.token.logger) == (b.token, a.db, a.logger)
    configs = {id(part.config) for part in (a.db, a.logger, a.token.oauth, b.kafka)}
    assert configs == {id(a.db.config)}


def test_every_rival_reads_what_it_built(rival: Rival) -> None:
    first, _ = rival.first()
    read, key = rival.reader()
    assert (read() if key is None else read(key)) is first


def test_every_rival_sees_the_fake_within_its_swap_and_the_real_one_after(rival: Rival) -> None:
    real = rival.first()[0].db
    for fake in (Database(Config()), Database(Config())):
        swapped, after = rival.swap(fake)
        assert (swapped.db, swapped.token.db) == (fake, fake)
        assert after.db is after.token.db is not fake
        assert after.db.config is real.config


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
async def test_every_library_builds_the_parts_of_a_request_once_and_closes_them(library: Library) -> None:
    counts.clear()
    async with Server(library.serve()) as server:
        for path in ("/singleton", "/scoped") * 2:
            assert await server.get(path) == 200
    assert [counts[name] for name in ("Settings", "A", "B")] == [1, 1, 1]
    assert [counts[name] for name in "CDEFGHI"] == [2] * 7
    closed = 0 if "dependency-injector" in library.name else 2  # it has nothing that ends with a request
    assert (counts["H closed"], counts["I closed"]) == (closed, closed)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:msgraph")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:kiota_abstractions")
@pytest.mark.parametrize("name", mail_ways.WAYS)
def test_every_way_to_the_mail_reads_all_messages_of_the_server(name: str) -> None:
    with mailbox.server(25, 0.0) as url:
        cost = mail_ways.cost(name, url, 25)
    assert min(cost.cpu_microseconds, cost.wall_microseconds, cost.peak_mib) > 0


@pytest.mark.slow
def test_the_table_of_mail_has_every_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = {name: mail_ways.Way(mail_ways.floor) for name in mail_ways.WAYS}
    monkeypatch.setattr("benchmarks.mail.process", lambda: nullcontext(mail_ways.cost))
    # importing the SDK takes seconds
    monkeypatch.setitem(mail_ways.WAYS, mail_ways.MSGRAPH, ways[mail_ways.MSGRAPH])
    monkeypatch.setattr(mail, "SMALL_MAILBOXES", 1)
    mail.main(["25", "1"])
    rows = capsys.readouterr().out
    assert all(f"\n{name} " in rows for name in ways)
    assert f"A mailbox of {mail.SMALL} messages" in rows
    assert "iacs_messages" in rows
