from tests.unit.models.usecases.world import World

SINGER = ("acme", "singer")


def test_models_are_listed_in_pages_by_tenant():
    world = World()
    for n in range(5):
        world.create(f"m{n}")
    first = world.registry.page("acme", limit=3, cursor=None)
    rest = world.registry.page("acme", limit=3, cursor=first.cursor)
    assert [m.name for m in (*first.items, *rest.items)] == ["m0", "m1", "m2", "m3", "m4"]
    assert rest.cursor is None
    assert world.registry.page("rival", limit=3, cursor=None).items == ()
    assert len(list(world.registry.every())) == 5
