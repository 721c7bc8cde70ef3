"""What a test decides about the emulated account: how long things take, what may be had, what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds from a cause to its effect. The defaults are of the size that AWS shows; README.md names the sources."""

    endpoint_create_s: float = 120
    endpoint_update_s: float = 180
    endpoint_delete_s: float = 60
    instance_start_s: float = 180
    release_after_s: float = 600
    component_create_s: float = 10
    component_update_s: float = 10
    component_delete_s: float = 30
    copy_start_s: float = 240
    copy_stop_s: float = 30
    capacity_wait_s: float = 900
    health_check_s: float = 600
    scaling_act_s: float = 15
    scale_out_s: float = 30
    scale_in_s: float = 900
    alarm_s: float = 30
    metrics_lag_s: float = 120
    metrics_keep_s: float = 10_800


@dataclass(frozen=True, slots=True)
class Quotas:
    """Account limits in one region; None is no limit. `instances` is by type, `default_instances` for the others."""

    instances: Mapping[str, int] = field(default_factory=dict)
    default_instances: int | None = None
    endpoints: int | None = None
    calls_per_s: int | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """What one instance has room for."""

    accelerators: float
    cpus: float
    memory_mib: float


# https://aws.amazon.com/sagemaker/ai/pricing/ lists the instance types; memory in full, as copies reserve it.
SHAPES: dict[str, Shape] = {
    "ml.m5.large": Shape(0, 2, 8_192),
    "ml.c6i.xlarge": Shape(0, 4, 8_192),
    "ml.g4dn.xlarge": Shape(1, 4, 16_384),
    "ml.g5.xlarge": Shape(1, 4, 16_384),
    "ml.g5.2xlarge": Shape(1, 8, 32_768),
    "ml.g5.12xlarge": Shape(4, 48, 196_608),
    "ml.g5.48xlarge": Shape(8, 192, 786_432),
    "ml.g6.xlarge": Shape(1, 4, 16_384),
    "ml.g6.2xlarge": Shape(1, 8, 32_768),
    "ml.g6.12xlarge": Shape(4, 48, 196_608),
    "ml.g6e.xlarge": Shape(1, 4, 32_768),
    "ml.g6e.2xlarge": Shape(1, 8, 65_536),
    "ml.g6e.12xlarge": Shape(4, 48, 393_216),
    "ml.p4d.24xlarge": Shape(8, 96, 1_179_648),
    "ml.p5.4xlarge": Shape(1, 16, 262_144),
    "ml.p5.48xlarge": Shape(8, 192, 2_097_152),
}
OTHER_SHAPE = Shape(1, 8, 65_536)


def shape_of(instance_type: str) -> Shape:
    """The room on one instance. A type that the table lacks counts as one accelerator."""
    return SHAPES.get(instance_type, OTHER_SHAPE)
