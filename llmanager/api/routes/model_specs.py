"""Requests for models as the specs that they ask for."""

from dataclasses import replace
from decimal import Decimal

from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.principal import Principal
from llmanager.models import catalog
from llmanager.models.entities import Backend, Kind, ModelSpec, Scaling, Window
from llmanager.models.usecases.create import Creation
from llmanager.wire import models as wire

SOON_S = 1  # asleep before its deletion, where idle models are to be deleted and not put to sleep


def creation_in(
    caller: Principal, body: wire.CreateModel, default_sleep_after_s: int | None, home: Backend
) -> Creation:
    """`home`: the backend of a body that names none. Raises InvalidInput."""
    entry = catalog.find(body.model)
    backend = Backend(body.backend) if body.backend else home
    if backend is not Backend.SAGEMAKER and (wrong := body.of_containers):
        message = f"'{wrong[0]}' is for models with backend 'sagemaker'. Leave it out, or send that."
        raise InvalidInput(message, param=wrong[0])
    spec = ModelSpec(
        model=body.model,
        kind=Kind(body.kind) if body.kind else entry.kind if entry else Kind.CHAT,
        backend=backend,
        engine=body.engine,
        scaling=_scaling(body.scaling),
        context_tokens=body.context_tokens,
        sleep_after_s=_sleep_after_s(body, default_sleep_after_s),
        delete_after_s=SOON_S if body.enableTimeout else body.delete_after_s,
        ttl_s=body.ttl_s,
        gpu_idle_below_percent=Decimal(str(body.timeoutGPUThreshold)) if body.enableTimeout else None,
        instance_type=body.instance_type,
        image=body.image or body.docker_img,
        weights=body.weights or (None if body.bucket is None else f"s3://{body.bucket}/{body.key}"),
        env=body.env or body.env_vars or {},
    )
    return Creation(caller.tenant, body.name, spec, body.accept_unknown_price, is_kind_asked=body.kind is not None)


def revised(spec: ModelSpec, body: wire.UpdateModel) -> ModelSpec:
    """The spec with what was sent. Raises InvalidInput."""
    limits = ("context_tokens", "sleep_after_s", "delete_after_s", "ttl_s")
    changes = {field: getattr(body, field) for field in limits if field in body.model_fields_set}
    spec = replace(spec, **changes)
    return spec if body.scaling is None else replace(spec, scaling=_scaling(body.scaling, spec.scaling))


def _sleep_after_s(body: wire.CreateModel, default_s: int | None) -> int | None:
    """What always has replicas never sleeps, unless a schedule says when it has."""
    if body.enableTimeout:
        return body.timeout
    if "sleep_after_s" in body.model_fields_set:
        return body.sleep_after_s
    return default_s if body.scaling.min == 0 or body.scaling.schedule else None


def _scaling(asked: wire.Scaling, now: Scaling = Scaling()) -> Scaling:  # noqa: B008 (frozen)
    """What was sent over what is so now. Raises InvalidInput."""
    sent = {name: getattr(asked, name) for name in asked.model_fields_set}
    if "schedule" in sent:
        sent["schedule"] = tuple(_window(window) for window in asked.schedule)
    wished = replace(now, **sent)
    if "max" in sent and wished.max < wished.min:
        raise InvalidInput(f"'scaling.max' is {wished.max}, less than 'scaling.min', {wished.min}.", param="scaling")
    return replace(wished, max=max(wished.min, wished.max))


def _window(asked: wire.Window) -> Window:
    return Window(asked.start, asked.end, tuple(asked.days), asked.zone, asked.min)
