"""The data path's app: /v1, Azure's paths, /model/query and /chat. Streams where whoever runs it can stream."""

from starlette.types import ASGIApp

from llmanager.api.app import Application
from llmanager.api.errors import render_as_openai
from llmanager.api.routes.chat import chat_routes
from llmanager.chat.usecases.assistant import Assistant
from llmanager.gateway.tokens import TokenCounter
from llmanager.kernel.ids import random_id
from llmanager.vdb.usecases.collections import Collections
from llmanager.wiring.aws.apps import readable
from llmanager.wiring.aws.data_path import DataPath, data_path
from llmanager.wiring.aws.house import House, control_app, fronted
from llmanager.wiring.aws.library import vdbs_of
from llmanager.wiring.aws.queues import poking, queue_at
from llmanager.wiring.aws.settings import there
from llmanager.wiring.aws.stores import stores_of
from llmanager.wiring.serving.chat import ChatAugmenter, TableHistory, retriever_of
from llmanager.wiring.serving.chat_models import GatewayModels
from llmanager.wiring.serving.limits import limits_of
from llmanager.wiring.serving.threads import Threads

VDB_THREADS, HISTORY_THREADS = 8, 4


def chat_app(house: House) -> ASGIApp:
    """From this function's settings. Raises SettingsError."""
    settings = house.settings
    poke = poking(queue_at(there(settings.reconcile_queue, "LLMANAGER_RECONCILE_QUEUE_URL")))
    vdbs = vdbs_of(settings, house.tables, house.clock, stores_of(settings, house.clock), house.time_left.check)
    return chat_app_of(house, data_path(house, poke, house.keyring), vdbs)


def chat_app_of(house: House, path: DataPath, vdbs: Collections) -> ASGIApp:
    common, clock = house.settings.common, house.clock
    assistant = assistant_of(house, path, vdbs)
    path.gateway.augmenter = ChatAugmenter(assistant)
    routes = chat_routes(assistant=assistant, keyring=house.keyring, limits=limits_of(common), clock=clock)
    is_ready = readable(house.tables("registry"), clock)
    control = control_app(house, [routes], is_ready, longest_s=house.settings.answer_within_s + 1)
    return fronted(house, Application(path.gateway, control))


def assistant_of(house: House, path: DataPath, vdbs: Collections) -> Assistant:
    clock, history = house.clock, house.tables("history")
    counter = TokenCounter(path.directory, path.gateway.relay, render_as_openai, clock)
    return Assistant(
        retriever=retriever_of(vdbs, path.embedder, Threads("vdb", VDB_THREADS)),
        history=TableHistory(history, clock, random_id, Threads("history", HISTORY_THREADS)),
        models=GatewayModels(path.inner, counter, path.directory),
    )
