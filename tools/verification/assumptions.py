"""What this product believes of AWS without proof, how the walk finds out, and what it means if it is not so."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.verification import checks
from tools.verification.checks import Verdict
from tools.verification.evidence import Evidence


@dataclass(frozen=True)
class Assumption:
    id: str
    assumed: str
    how: str  # it is checked
    if_wrong: str  # what must then be changed
    check: Callable[[Evidence], Verdict]


TABLE = (
    Assumption(
        "no-capacity",
        "Invoking an inference component at zero copies is refused with a text that says 'capacity'",
        "InvokeEndpoint while it sleeps",
        "gateway: another sign tells that a model sleeps",
        checks.says_no_capacity,
    ),
    Assumption(
        "openai-at-zero",
        "SageMaker's OpenAI path answers an error at zero copies, and does not hold the request",
        "a chat completion over that path while it sleeps",
        "gateway: requests to a sleeping model must not be sent there at all",
        checks.openai_at_zero_is_refused,
    ),
    Assumption(
        "openai-counts",
        "The OpenAI path emits NoCapacityInvocationFailures at zero",
        "CloudWatch after that request",
        "the alarm is no safety net for this path: only the gateway wakes",
        checks.openai_at_zero_is_counted,
    ),
    Assumption(
        "alarm-wakes",
        "The step policy on NoCapacityInvocationFailures brings a copy back by itself",
        "DesiredCopyCount after a refused invocation, before anybody asks the API to wake it",
        "docs: while the gateway is down nothing wakes a model",
        checks.alarm_wakes,
    ),
    Assumption(
        "openai-chat",
        "chat/completions is routed to the container under the served model's name",
        "a chat completion over the path while it is awake",
        "adapter: use InvokeEndpointWithResponseStream",
        checks.chat_is_routed,
    ),
    Assumption(
        "openai-embeddings",
        "The OpenAI path routes no embeddings, so they go by InvokeEndpoint",
        "embeddings over the path while it is awake",
        "adapter: embeddings may take the simpler path",
        checks.embeddings_are_not_routed,
    ),
    Assumption(
        "order",
        "An endpoint with an inference component cannot be deleted",
        "DeleteEndpoint while the component is there, right before the model is deleted",
        "emulator: the rule is stricter than AWS; removal may be shorter",
        checks.endpoint_waits_for_component,
    ),
    Assumption(
        "all-goes",
        "Deregister the target, delete the component, the endpoint, its configs and the alarm: nothing is left",
        "names in SageMaker, Application Auto Scaling and CloudWatch after the delete",
        "adapter: sagemaker_remove leaves something that costs money",
        checks.all_goes,
    ),
    Assumption(
        "target-early",
        "A scalable target can be registered while the component is Creating",
        "the target beside the component's status",
        "nothing: the adapter comes again",
        checks.target_while_creating,
    ),
    Assumption(
        "copies-end",
        "Copies go to zero without a request failing",
        "CurrentCopyCount after /model/sleep",
        "lifecycle: sleeping takes longer than assumed",
        checks.copies_end,
    ),
    Assumption(
        "release",
        "AWS releases an instance about 10 minutes after its last copy",
        "CurrentInstanceCount after the copies are zero",
        "cost page: the idle tail is longer",
        checks.instances_are_released,
    ),
    Assumption(
        "lists",
        "A new endpoint is listed within minutes",
        "ListEndpoints while it is created",
        "sweep: its patience with late lists",
        checks.lists_lag,
    ),
    Assumption(
        "tags",
        "Tags of a new endpoint reach the tagging index within minutes",
        "GetResources by the tag of the stage",
        "watchdog: its patience with the index",
        checks.tags_lag,
    ),
    Assumption(
        "start",
        "A small model is ready within 30 minutes of its creation",
        "from /model/create to ready",
        "plan: the estimate of a cold start",
        checks.starts_within,
    ),
    Assumption(
        "wake",
        "A sleeping model answers within 15 minutes of a request",
        "from the first refused request to the first answer",
        "plan and docs: the wait that is promised",
        checks.wakes_within,
    ),
    Assumption(
        "billing",
        "An instance is billed from its launch, also while it starts",
        "Cost Explorer tells a day later",
        "ledger: what it counts as spent",
        checks.bills_from_the_launch,
    ),
    Assumption(
        "gpu-metric",
        "GPU use comes as GPUUtilizationNormalized per inference component",
        "GetMetricData after some minutes awake",
        "timeoutGPUThreshold never counts as idle",
        checks.gpu_metric_comes,
    ),
    Assumption(
        "nextgen-engine",
        "A NextGen collection refuses a mapping that names an engine",
        "an index with engine faiss in the stage's collection",
        "vector store: the mapping may name it",
        checks.nextgen_refuses_engines,
    ),
    Assumption(
        "refresh",
        "What is added to a vector database is found within a minute",
        "/vdb/add, then /vdb/query until it is found",
        "docs/vdb.md: how late a search may be",
        checks.refresh_is_short,
    ),
    Assumption(
        "hibernation",
        "A hibernated vector database is restored by its next query",
        "/vdb/hibernate, then /vdb/query",
        "vdb: the restore on this store",
        checks.hibernation_returns,
    ),
    Assumption(
        "too-large",
        "A body over the limit gets 413 in our error shape, by Lambda or by API Gateway",
        "a body of 7 MiB",
        "infra: the gateway responses",
        checks.large_bodies_are_refused,
    ),
    Assumption(
        "strangers",
        "A request without a key gets 401 in our error shape",
        "one without",
        "infra: the authorizer's gateway responses",
        checks.strangers_are_refused,
    ),
    Assumption(
        "streaming",
        "A streamed answer arrives in parts through API Gateway and Lambda",
        "the times at which events of a chat completion come",
        "infra: the response transfer mode of the chat routes",
        checks.streams_arrive_in_parts,
    ),
)
