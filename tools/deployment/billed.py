"""What a stage's models still cost money for, read from SageMaker itself: the tagging API is minutes late."""

from collections.abc import Iterator
from typing import Any

import boto3

# What holds instances comes first.
KINDS = (
    ("endpoint", "list_endpoints", "Endpoints", "EndpointName"),
    ("inference component", "list_inference_components", "InferenceComponents", "InferenceComponentName"),
    ("endpoint configuration", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
    ("model", "list_models", "Models", "ModelName"),
)


def left(stage: str) -> list[str]:
    """Names of everything that models of this stage made, with what each is."""
    client = boto3.client("sagemaker")
    return [f"{kind} {name}" for kind, call, key, field in KINDS for name in named(client, call, key, field, stage)]


def named(client: Any, call: str, key: str, field: str, stage: str) -> Iterator[str]:
    prefix = f"lm-{stage}-"
    for page in client.get_paginator(call).paginate(NameContains=prefix):
        yield from (found[field] for found in page[key] if found[field].startswith(prefix))
