"""Health, graph and explanations of an overlay."""

from dependency_injector import containers, providers

from iacs.runtime import Application


class Store:
    async def probe(self) -> None:
        raise ConnectionError


class Working:
    async def probe(self) -> str:
        return "works"


class Shop:
    def __init__(self, store: Store) -> None:
        self.store = store


class Container(containers.DeclarativeContainer):
    store = providers.Singleton(Store)
    shop = providers.Singleton(Shop, store)


async def test_the_health_of_an_overlay_is_that_of_its_own_parts() -> None:
    async with Application(Container()) as app:
        with app.overlay(store=Working()) as view:
            assert (await view.health()).up
        assert not (await app.health()).up


async def test_an_overlay_marks_in_its_graph_what_it_replaces() -> None:
    async with Application(Container()) as app:
        with app.overlay(store=providers.Singleton(Working)) as view:
            assert {node.path for node in view.graph().nodes if node.overlaid} == {"store"}
        assert not any(node.overlaid for node in app.graph().nodes)


async def test_an_overlay_explains_what_a_part_receives_in_it() -> None:
    async with Application(Container()) as app:
        with app.overlay(store=Working()) as view:
            assert view.explain("store") != app.explain("store")


async def test_an_overlay_that_is_not_entered_describes_the_container() -> None:
    app = Application(Container())
    assert app.overlay(store=Working()).graph() == app.graph()
    assert not (await app.overlay(store=Working()).health()).up
