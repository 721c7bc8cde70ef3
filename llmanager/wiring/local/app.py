"""The whole HTTP surface of the local platform, joined to its parts."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.types import ASGIApp

from llmanager.api.app import Application, control_plane
from llmanager.api.errors import render_as_openai
from llmanager.api.front import Front
from llmanager.api.idempotency import Idempotency
from llmanager.api.metrics import PrometheusMeter, metrics_routes
from llmanager.api.routes.admin import admin_routes
from llmanager.api.routes.auth import auth_routes
from llmanager.api.routes.chat import chat_routes
from llmanager.api.routes.files import file_routes
from llmanager.api.routes.history import history_routes
from llmanager.api.routes.ingest import ingest_routes
from llmanager.api.routes.jobs import job_routes
from llmanager.api.routes.models import model_routes
from llmanager.api.routes.vdb import vdb_routes
from llmanager.auth.usecases.authenticate import authenticate
from llmanager.chat.usecases.assistant import Assistant
from llmanager.gateway.app import Gateway
from llmanager.gateway.inner import InnerCalls
from llmanager.gateway.ports import Keyring, Upstreams
from llmanager.gateway.tokens import TokenCounter
from llmanager.jobs.usecases.submit import submit
from llmanager.kernel.ids import random_id
from llmanager.models.usecases.fleet import fleet
from llmanager.vdb.usecases.status import every as every_vdb
from llmanager.wiring.keyring import CachedKeyring, OpenKeyring
from llmanager.wiring.local.parts import Parts
from llmanager.wiring.serving.chat import ChatAugmenter, TableHistory, retriever_of
from llmanager.wiring.serving.chat_models import GatewayModels
from llmanager.wiring.serving.embedding import BlockingEmbedder, GatewayEmbedder
from llmanager.wiring.serving.limits import limits_of
from llmanager.wiring.serving.version import own_version
from llmanager.wiring.settings import Settings

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class App:
    asgi: ASGIApp
    describe: Callable[[], dict[str, Any]]  # makes the OpenAPI document
    _parts: Parts
    _embedder: GatewayEmbedder

    def start(self) -> None:
        """What works beside requests. On the event loop that serves them."""
        self._parts.start(BlockingEmbedder(self._embedder, asyncio.get_running_loop()).embed)

    async def stop(self) -> None:
        """While the event loop still runs: what works beside requests may need it to come to its end."""
        await asyncio.to_thread(self._parts.library.stop)


def app_of(settings: Settings, parts: Parts, upstreams: Upstreams) -> App:
    clock, keyring = parts.clock, keyring_of(settings, parts)
    meter = PrometheusMeter(
        parts.directory.count_by_state,
        lambda: gateway.relay.open_by_stage(),  # noqa: PLW0108 (made below)
        partial(fleet, parts.registry),
    )
    gateway = Gateway(
        directory=parts.directory,
        upstreams=upstreams,
        keyring=keyring,
        meter=meter,
        render=render_as_openai,
        limits=limits_of(settings),
        clock=clock,
    )
    parts.news.count_with(gateway.relay.balance.open_requests)
    embedder = GatewayEmbedder(InnerCalls(gateway, render_as_openai, clock), parts.directory)
    assistant = assistant_of(parts, gateway, embedder)
    gateway.augmenter = ChatAugmenter(assistant)
    routers = [
        *own_routers(settings, parts, keyring),
        *library_routers(parts, keyring, embedder),
        admin_routes(
            registry=parts.registry,
            vdbs=partial(every_vdb, parts.library.vdbs),
            keyring=keyring,
            new_id=random_id,
        ),
        chat_routes(assistant=assistant, keyring=keyring, limits=limits_of(settings), clock=clock),
        metrics_routes(meter, keyring),
    ]
    control = control_plane(routers, parts.check_ready, own_version())
    control.add_middleware(
        Idempotency, table=parts.store.table("idempotency"), keyring=keyring, clock=clock, sole_server=random_id()
    )
    front = Front(
        Application(gateway, control),
        allowed_hosts=[*LOOPBACK_NAMES, settings.host, *settings.allowed_hosts],
        max_body_bytes=settings.max_body_mib * 2**20,
        max_file_bytes=settings.max_file_mib * 2**20,
        stage=settings.stage,
        new_id=random_id,
    )
    return App(front, control.openapi, parts, embedder)


def assistant_of(parts: Parts, gateway: Gateway, embedder: GatewayEmbedder) -> Assistant:
    directory, clock, library = parts.directory, parts.clock, parts.library
    counter = TokenCounter(directory, gateway.relay, render_as_openai, clock)
    return Assistant(
        retriever=retriever_of(library.vdbs, embedder, library.vdb_threads),
        history=TableHistory(parts.store.table("history"), clock, random_id, library.history_threads),
        models=GatewayModels(InnerCalls(gateway, render_as_openai, clock), counter, directory),
    )


def own_routers(settings: Settings, parts: Parts, keyring: Keyring) -> list[APIRouter]:
    table, clock = parts.store.table, parts.clock
    return [
        model_routes(
            registry=parts.registry,
            keyring=keyring,
            until=parts.directory.until,
            sleep_after_s=settings.sleep_after_s or None,
        ),
        history_routes(table=table("history"), keyring=keyring, clock=clock, new_id=random_id),
        auth_routes(table=table("auth"), keyring=keyring, clock=clock, new_id=random_id),
    ]


def library_routers(parts: Parts, keyring: Keyring, embedder: GatewayEmbedder) -> list[APIRouter]:
    library = parts.library
    queued = partial(submit, library.queue)
    return [
        vdb_routes(
            vdbs=library.vdbs,
            embedder=embedder,
            run_blocking=library.vdb_threads,
            run_writing=library.writing_threads,
            keyring=keyring,
            submit=queued,
        ),
        ingest_routes(
            vdbs=library.vdbs,
            embedder=embedder,
            run_blocking=library.vdb_threads,
            keyring=keyring,
            submit=queued,
        ),
        job_routes(queue=library.queue, keyring=keyring, until=library.news.waiters.until),
        file_routes(files=library.files, keyring=keyring, run_blocking=library.upload_threads),
    ]


def keyring_of(settings: Settings, parts: Parts) -> Keyring:
    if settings.auth == "off":
        return OpenKeyring()
    table, clock = parts.store.table("auth"), parts.clock
    return CachedKeyring(lambda secret: authenticate(table, secret=secret, now=clock.now()), clock)
