from collections.abc import Iterator

import pytest

from benchmarks import mail, mailbox
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


async def test_every_way_to_the_mail_reads_all_messages_of_the_server() -> None:
    with mailbox.server(25, 0.0) as url:
        assert [await work(url) for work in mail.MEASURED.values()] == [25, 25, 25]
