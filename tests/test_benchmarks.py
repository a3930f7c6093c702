from collections.abc import Iterator

import pytest

from benchmarks.rivals import RIVALS, Rival
from benchmarks.rivals.graph import Config, Database


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
