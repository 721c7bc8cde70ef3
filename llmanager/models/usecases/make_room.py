"""Put least recently used models to sleep, so that another one fits in memory."""

from llmanager.kernel.errors import Conflict
from llmanager.models.admission import Tenure, to_put_to_sleep
from llmanager.models.entities import Desired, Memory, Model
from llmanager.models.reconcile import wishing
from llmanager.models.rows import Key
from llmanager.models.usecases.registry import Registry


def make_room(registry: Registry, for_model: Model) -> tuple[Key, ...] | None:
    """The models that were told to sleep; () if others leave already, or one was used just now: ask again soon.

    None: those that may sleep do not make room enough. Raises what the host's `quote` does.
    """
    host = registry.host(for_model)
    memory = host.memory()
    if memory is None:
        return None
    # Asked anew: the row's quote may be a guess from before the download.
    need_mib = host.quote(for_model.spec).memory_mib // for_model.spec.scaling.awake
    models = {m.resource: m for m in registry.every() if m.resource != for_model.resource}
    chosen = to_put_to_sleep(need_mib, memory, _tenures(registry, models, memory))
    return None if chosen is None else tuple(models[r].key for r in chosen if _slept(registry, models[r], for_model))


def _tenures(registry: Registry, models: dict[str, Model], memory: Memory) -> dict[str, Tenure]:
    now = registry.clock.now()
    tenures = {}
    for resident in memory.residents:
        model = models.get(resident.resource)
        if model is not None:
            use = registry.use(model.key)
            tenures[resident.resource] = Tenure(
                wanted_at=max(model.desired_at, use.last_used_at or model.desired_at),
                is_held=use.is_held(now),
                may_sleep=model.spec.sleep_after_s is not None,
                is_leaving=model.desired is not Desired.RUNNING,
            )
    return tenures


def _slept(registry: Registry, model: Model, for_model: Model) -> bool:
    use = registry.use(model.key)
    now = registry.clock.now()
    if use.is_held(now):
        return False
    asleep = wishing(model, Desired.ASLEEP, now, f"to make room for {for_model.name!r}")
    try:
        registry.save(asleep, model.version, [registry.unchanged_use(model.key, use)])
    except Conflict:
        return False
    return True
