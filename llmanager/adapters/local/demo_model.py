"""Child process that puts demo-tiny in place: its weights are part of the package, a GGUF file of about 4 MB.

They are trained and exported by tools/demo_model; docs/demo-tiny.md is the model's card.
"""

import shutil
from pathlib import Path
from typing import Any, Final

from llmanager.adapters.local.built_file import build
from llmanager.adapters.local.job_child import JobFailed, serve, tell_stage

PACKAGED: Final = Path(__file__).with_name("demo_tiny.gguf")


def work(task: dict[str, Any]) -> dict[str, Any]:
    tell_stage("copying")
    return put(task, PACKAGED)


def put(task: dict[str, Any], packaged: Path) -> dict[str, Any]:
    """A copy, as a file of ours like any other: with its marker, and the package may go. Raises JobFailed."""
    try:
        size_bytes = packaged.stat().st_size
    except FileNotFoundError as error:
        reason = f"This installation lacks its file {packaged.name}. Install LLManager again, or create another model."
        raise JobFailed(reason, is_final=True) from error

    def write(path: Path) -> None:
        shutil.copyfile(packaged, path)

    return build(task, size_bytes, write)


if __name__ == "__main__":
    serve(work)
