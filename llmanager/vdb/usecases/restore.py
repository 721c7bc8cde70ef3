"""An index that is there and current: at once where it is, else after its segments were replayed."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from llmanager.kernel.blocking import RunBlocking
from llmanager.vdb.entities import Collection
from llmanager.vdb.errors import BeingRestored, IndexDamaged, IndexMissing
from llmanager.vdb.rows import Key
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.settle import settle

T = TypeVar("T")
TRIES = 3


def ready(vdbs: Collections, key: Key) -> Collection:
    """Its index holds every write that was answered, and no half of any other.

    Many at once: one replays, the others wait. Raises CollectionNotFound, SegmentCorrupt, and what is Retryable.
    """
    collection = vdbs.require(key)
    return collection if vdbs.index(collection).is_current else _settled(vdbs, key)


def answered(vdbs: Collections, key: Key, ask: Callable[[Collection], T], *, empty: T) -> T:
    """What `ask` reads from the index, which is use; `empty` where there is none because nothing was ever written.

    An index that is dropped or restored meanwhile is waited for and asked again, so nobody sees half of one.
    """
    for _ in range(TRIES):
        collection = vdbs.require(key)
        index = vdbs.index(collection)
        if not index.is_up:
            collection = _settled(vdbs, key)
            index = vdbs.index(collection)
        vdbs.note_use(collection)
        if collection.dim is None:
            return empty
        try:
            answer = ask(collection)
        except (IndexMissing, IndexDamaged):
            _settled(vdbs, key, damaged_build=index.build)
            continue
        if vdbs.index(collection).build == index.build:
            return answer
    raise BeingRestored(key[1])


async def until_up(vdbs: Collections, run_blocking: RunBlocking, key: Key) -> None:
    """Before a request works with the index. However many wait, one thread of this process restores.

    Raises BeingRestored after `restore_wait_s`; the restoring goes on.
    """
    collection = await run_blocking(partial(vdbs.require, key))
    if (await run_blocking(partial(vdbs.index, collection))).is_up:
        return
    restore = vdbs.restores.get(collection.resource)
    if restore is None:
        restore = asyncio.create_task(_restored(vdbs, run_blocking, key))
        vdbs.restores[collection.resource] = restore
        restore.add_done_callback(partial(_forget, vdbs, collection.resource))
    try:
        async with asyncio.timeout(vdbs.restore_wait_s):
            await asyncio.shield(restore)
    except TimeoutError as error:
        raise BeingRestored(key[1]) from error


async def _restored(vdbs: Collections, run_blocking: RunBlocking, key: Key) -> None:
    await run_blocking(partial(_settled, vdbs, key))


def _forget(vdbs: Collections, resource: str, restore: "asyncio.Task[None]") -> None:
    vdbs.restores.pop(resource, None)
    if not restore.cancelled():
        restore.exception()  # seen, even if all who waited have left


def _settled(vdbs: Collections, key: Key, damaged_build: int | None = None) -> Collection:
    with vdbs.alone(key) as collection:
        settle(vdbs, collection, damaged_build=damaged_build)
    return collection
