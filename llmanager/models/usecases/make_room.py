"""Put least recently used models to sleep, so that another one fits in memory."""

from dataclasses import replace

from llmanager.kernel.errors import Conflict
from llmanager.models.admission import Tenure, to_put_to_sleep
from llmanager.models.entities import Desired, Memory, Model, Resident
from llmanager.models.reconcile import wishing
from llmanager.models.rows import Key
from llmanager.models.usecases.registry import Registry


def make_room(registry: Registry, for_model: Model) -> tuple[Key, ...] | None:
    """The models that were told to sleep; () if those that leave already are enough, or one was used just now.

    None: there is no room to be made.
    """
    memory = registry.host(for_model).memory()
    if memory is None:
        return None
    need_mib = for_model.quote.memory_mib // for_model.spec.scaling.awake
    models = {m.resource: m for m in registry.every() if m.resource != for_model.resource}
    staying = replace(memory, residents=tuple(r for r in memory.residents if not _leaves(registry, models, r)))
    chosen = to_put_to_sleep(need_mib, staying, _tenures(registry, models, staying))
    return None if chosen is None else tuple(models[r].key for r in chosen if _slept(registry, models[r], for_model))


def _leaves(registry: Registry, models: dict[str, Model], resident: Resident) -> bool:
    """Its memory is about to be free: nobody else needs to go for it."""
    model = models.get(resident.resource)
    if model is None or model.desired is Desired.RUNNING:
        return False
    return not registry.use(model.key).is_held(registry.clock.now())


def _tenures(registry: Registry, models: dict[str, Model], memory: Memory) -> dict[str, Tenure]:
    now = registry.clock.now()
    tenures = {}
    for resident in memory.residents:
        model = models.get(resident.resource)
        if model is not None:
            use = registry.use(model.key)
            may_sleep = model.desired is Desired.RUNNING and model.spec.sleep_after_s is not None
            tenures[resident.resource] = Tenure(use.last_used_at, use.is_held(now), may_sleep)
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
