"""The parts of the local platform, joined, with a real table and no engine."""

import os
from dataclasses import replace

import pytest

from llmanager.adapters.local.home_lock import HomeInUse
from llmanager.kernel.errors import Unavailable
from llmanager.models.entities import Backend, ModelSpec, Status
from llmanager.models.reconcile import status
from llmanager.models.usecases import change
from llmanager.models.usecases.create import Creation, create
from llmanager.models.usecases.reconcile import reconcile_once
from llmanager.wiring.local import parts as local
from llmanager.wiring.settings import Settings
from llmanager.wiring.values import SettingsError
from tests.fakes.eventually import eventually
from tests.unit.models.samples import model as sample
from tests.unit.models.usecases.world import GREETER

REMOTES = '{"big": {"base_url": "http://127.0.0.1:9", "key": "canary-key"}, "open": {"base_url": "http://127.0.0.1:9"}}'


@pytest.fixture
def settings(tmp_path):
    return Settings.from_env({"LLMANAGER_HOME": str(tmp_path / "home"), "LLMANAGER_REMOTES": REMOTES})


def nothing_embeds(caller, model, texts):
    raise AssertionError("no test here embeds")


def creation(name: str, model: str = "big") -> Creation:
    spec = ModelSpec(model, backend=Backend.REMOTE, sleep_after_s=900)
    return Creation("acme", name, spec, accept_unknown_price=True)


def test_a_model_lives_and_dies_and_its_route_with_it(settings):
    with local.opened_parts(settings) as parts:
        parts.start(nothing_embeds)
        create(parts.registry, creation("greeter"))
        route = eventually(lambda: (r := parts.directory.find(*GREETER)) and r.upstreams and r)
        assert route.upstreams[0].authorization == "Bearer canary-key"
        eventually(lambda: status(parts.registry.require(GREETER)) is Status.READY)
        change.delete(parts.registry, GREETER)
        eventually(lambda: parts.registry.find(GREETER) is None)
        eventually(lambda: parts.directory.count_by_state() == {})
        parts.check_ready()


def test_what_was_there_is_there_again_after_a_restart(settings):
    with local.opened_parts(settings) as parts:
        create(parts.registry, creation("greeter", "open"))
    with local.opened_parts(settings) as parts:
        parts.start(nothing_embeds)
        route = eventually(lambda: (r := parts.directory.find(*GREETER)) and r.upstreams and r)
        assert route.upstreams[0].authorization is None


def test_models_of_a_backend_that_is_no_longer_set_up_keep_nothing_from_starting(settings):
    orphan = replace(sample(), spec=replace(sample().spec, backend=Backend.SAGEMAKER))
    with local.opened_parts(settings) as parts:
        parts.registry.save(orphan, "absent")
        create(parts.registry, creation("other", "open"))
    with local.opened_parts(settings) as parts:
        parts.start(nothing_embeds)
        eventually(lambda: (r := parts.directory.find("acme", "other")) and r.upstreams)
        change.delete(parts.registry, GREETER)
        with pytest.raises(Unavailable, match="'sagemaker' is not set up"):
            reconcile_once(parts.registry, GREETER, "tester")
        assert parts.registry.find(GREETER) is not None, "what it costs is not forgotten"


def test_a_home_serves_one_server(settings):
    with local.opened_parts(settings), pytest.raises(HomeInUse), local.opened_parts(settings):
        raise AssertionError("two on one home")


def test_keys_can_be_made_beside_a_running_server(settings):
    with local.opened_parts(settings), local.keys_table(settings) as table:
        assert table.get("key", "none") is None


def test_a_home_that_cannot_be_one_is_named_by_its_setting(settings, tmp_path):
    (tmp_path / "home").write_text("a file")
    with pytest.raises(SettingsError, match="LLMANAGER_HOME") as refused, local.opened_parts(settings):
        raise AssertionError("opened")
    assert str(tmp_path) not in str(refused.value)


def test_memory_is_told_in_mib():
    assert local.physical_mib() == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


class Broken:
    def refresh(self, key):
        raise Unavailable("The table is down.")

    def key_of(self, resource):
        return GREETER if resource == "known" else None


class Poked:
    def __init__(self):
        self.keys = []

    def poke(self, key):
        self.keys.append(key)


def test_news_that_cannot_be_read_now_breaks_neither_the_write_nor_the_replica_that_made_them():
    news, loop = local.News(), Poked()
    news.model_changed(GREETER)
    news.replica_changed("known")
    news.poke(GREETER)
    news.connect(Broken(), loop)
    news.model_changed(GREETER)
    news.replica_changed("known")
    news.replica_changed("unknown")
    news.poke(("acme", "other"))
    assert loop.keys == [GREETER, GREETER, ("acme", "other")]
