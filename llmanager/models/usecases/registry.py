"""The models that there are: rows in, entities out, every write conditional and told to whoever caches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from llmanager.kernel.clock import Clock
from llmanager.kernel.ids import NewId
from llmanager.kernel.pages import Page, from_cursor, to_cursor
from llmanager.kernel.table import Action, Check, Delete, Expect, Put, Table, all_rows
from llmanager.models import rows
from llmanager.models.absent_host import AbsentHost
from llmanager.models.caps import NOTHING, Caps, Claim, worst_case
from llmanager.models.catalog import ENTRIES, CatalogEntry
from llmanager.models.entities import Backend, Model, Order, Tags, Use
from llmanager.models.errors import ModelNotFound
from llmanager.models.limits import ends_at
from llmanager.models.ports import ModelHost
from llmanager.models.reconcile import noticed
from llmanager.models.rows import Key
from llmanager.models.sight import Sight


def _nobody(_: Key) -> None:
    return None


def _unknown(_: str) -> frozenset[int] | None:
    return None


@dataclass(frozen=True)
class Registry:
    """What every use case of models holds in its hands."""

    table: Table
    hosts: Mapping[Backend, ModelHost]
    clock: Clock
    new_id: NewId
    stage: str = "dev"
    caps: Caps = Caps()  # noqa: RUF009 (frozen)
    catalog: tuple[CatalogEntry, ...] = ENTRIES  # what can be created here by a short name
    changed: Callable[[Key], None] = field(default=_nobody)  # after every answered write of a model row
    # The replicas of a resource at which this process has requests; None: none go through it.
    busy: Callable[[str], frozenset[int] | None] = field(default=_unknown)

    @property
    def home(self) -> Backend:
        """Where a model runs whose creation does not say: on this machine where that can be, else in the cloud."""
        return (
            Backend.SAGEMAKER if Backend.SAGEMAKER in self.hosts and Backend.LOCAL not in self.hosts else Backend.LOCAL
        )

    def find(self, key: Key) -> Model | None:
        tenant, name = key
        row = self.table.get(rows.model_partition(tenant), name)
        return None if row is None else rows.to_model(row)

    def require(self, key: Key) -> Model:
        """Raises ModelNotFound, also for another tenant's model."""
        model = self.find(key)
        if model is None:
            raise ModelNotFound(key[1])
        return model

    def page(self, tenant: str, *, limit: int, cursor: str | None) -> Page[Model]:
        found = self.table.query(rows.model_partition(tenant), after=from_cursor(cursor), limit=limit)
        return Page(tuple(rows.to_model(r) for r in found.rows), to_cursor(found.next_after))

    def every(self) -> Iterator[Model]:
        """All models of all tenants."""
        return (rows.to_model(row) for row in all_rows(self.table) if rows.is_model(row))

    def save(self, model: Model, expect: Expect, guards: Sequence[Action] = ()) -> Model:
        """Write the row if `expect` and every guard hold. Raises Conflict."""
        written, *_ = self.table.transact([Put(rows.model_row(model), expect), *guards])
        assert written is not None  # a Put always answers its row
        self.changed(model.key)
        return replace(model, version=written.version)

    def drop(self, model: Model, guards: Sequence[Action] = ()) -> None:
        """Forget a model for good, with the row of its use; a tombstone tells of it for a while. Raises Conflict."""
        tenant, name = model.key
        gone: list[Action] = [
            Delete(rows.model_partition(tenant), name, model.version),
            Delete(rows.use_partition(tenant), name),
            Put(rows.tombstone_row(model, self.clock.now())),
        ]
        self.table.transact([*gone, *guards])
        self.changed(model.key)

    def is_dead(self, resource: str) -> bool:
        """Whether it was a model's that was dropped lately. A resource's name is never used again."""
        return self.table.get(rows.gone_partition(), resource) is not None

    def is_known(self) -> bool:
        """Whether this registry has admitted anything yet. False where models run: it was lost."""
        return self.table.get(rows.fleet_partition(), rows.fleet_sort()) is not None

    def installation(self) -> str:
        return rows.installation_in(self.table.get(rows.fleet_partition(), rows.fleet_sort()))

    def use(self, key: Key) -> Use:
        tenant, name = key
        return rows.to_use(self.table.get(rows.use_partition(tenant), name))

    def unchanged_use(self, key: Key, use: Use) -> Check:
        """A guard: nobody began or ended to use the model since `use` was read."""
        tenant, name = key
        return Check(rows.use_partition(tenant), name, use.version or "absent")

    def host(self, model: Model) -> ModelHost:
        backend = model.spec.backend
        return self.hosts.get(backend) or AbsentHost(backend)

    def claim(self, model: Model) -> Claim:
        """What it takes of the fleet's caps at worst. Hosts that bill nothing count no instances."""
        host = self.hosts.get(model.spec.backend)
        running = model.observed.instances
        if host is None:
            return worst_case(model.spec, model.quote, running=running)
        if not host.traits.is_billed:
            return NOTHING
        return worst_case(model.spec, model.quote, host.traits.surge_instances, running)

    def sight(self, model: Model, use: Use) -> Sight:
        """What a pass decides on. Asks the host."""
        host = self.host(model)
        return Sight(host.observe(model.resource), use, host.traits, self.busy(model.resource))

    def tags(self, model: Model) -> Tags:
        return Tags(
            stage=self.stage,
            tenant=model.tenant,
            name=model.name,
            generation=model.generation,
            installation=self.installation(),
            expires_at=model.tagged.expires_at,
            ttl_at=ends_at(model),
        )

    def order(self, model: Model) -> Order:
        return Order(
            resource=model.resource,
            spec=model.spec,
            tags=self.tags(model),
            replicas=model.sizing.replicas or model.spec.scaling.awake,
            revision=model.revision,
        )

    def look(self, model: Model) -> Model:
        """The row as the next pass would find it: fresher than the last save, for people who ask. Writes nothing."""
        return noticed(model, self.host(model).observe(model.resource), self.clock.now())
