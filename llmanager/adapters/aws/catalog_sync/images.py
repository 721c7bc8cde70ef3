"""The image of each engine, from the tables that the sagemaker package carries. Pure.

A table says per version which registry (an account) serves each region, and of what the tag is made.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from llmanager.kernel.errors import UpstreamFailed

Table = Mapping[str, Any]

# Our engine -> the package's table, and the processor whose image is meant.
TABLES: Final = {
    "vllm": ("vllm", "gpu"),
    "lmi": ("djl-lmi", "gpu"),
    "tei": ("huggingface-tei", "gpu"),
    "tei-cpu": ("huggingface-tei-cpu", "cpu"),
}
# Partitions whose registries and runtimes have other domains than amazonaws.com: this adapter does not know them.
ELSEWHERE: Final = ("cn-", "us-iso", "eu-iso", "eusc-")
VERSION: Final = re.compile(r"\d+(?:\.\d+)*")
# CUDA 13 needs driver 580, which only this AMI has (CreateEndpointConfig's documentation); older CUDA runs on any.
CUDA_13_AMI: Final = "al2023-ami-sagemaker-inference-gpu-4-1"


def engine_images(tables: Mapping[str, Table]) -> dict[str, dict[str, Any]]:
    """Raises UpstreamFailed where a table does not look as they do."""
    found = {}
    for engine, (name, processor) in TABLES.items():
        try:
            found[engine] = image_of(tables[name], processor)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise UpstreamFailed(
                f"The sagemaker package's image table {name!r} is not as expected ({error!r}). Use the version of it "
                "that pyproject.toml names."
            ) from error
    return found


def image_of(table: Table, processor: str) -> dict[str, Any]:
    scope = table.get("inference", table)
    version = newest(scope["versions"])
    entry = scope["versions"][version]
    tag = tag_of(version, entry, processor if processor in scope.get("processors", ()) else None)
    return {
        "repository": entry["repository"],
        "tag": tag,
        "ami": CUDA_13_AMI if "-cu13" in tag else None,
        "accounts": {
            region: account
            for region, account in sorted(entry["registries"].items())
            if not region.startswith(ELSEWHERE)
        },
    }


def newest(versions: Mapping[str, Any]) -> str:
    numbered = [version for version in versions if VERSION.fullmatch(version)]
    return max(numbered, key=lambda version: tuple(int(part) for part in version.split(".")))


def tag_of(version: str, entry: Table, processor: str | None) -> str:
    """As the package puts it together: version, processor, Python, what the container is built on."""
    parts = [entry.get("tag_prefix", version)]
    if processor is not None:
        parts += [processor] if entry.get("processor_in_tag", True) else []
        parts += entry.get("py_versions", [])[-1:]
        parts += [entry["container_version"][processor]] if "container_version" in entry else []
    return "-".join(parts)
