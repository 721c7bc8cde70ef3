"""Building a file of our own in a child process: all of it or nothing, with its marker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmanager.adapters.local.gguf_header import read_header
from llmanager.adapters.local.job_child import check_space
from llmanager.adapters.local.stored_file import alone, put_in_place, read_marker, sha256_of, write_marker


def build(task: dict[str, Any], size_bytes: int, write: Callable[[Path], None]) -> dict[str, Any]:
    """The task is {"path", "free_bytes"}; `size_bytes` is about what the file will have. Raises JobFailed."""
    path = Path(task["path"])
    with alone(path):
        if read_marker(path) is None:  # nobody built it while we waited
            check_space(size_bytes, task["free_bytes"])
            temporary = path.with_name(path.name + ".part")
            write(temporary)
            read_header(temporary)
            put_in_place(temporary, path)
            write_marker(path, sha256_of(path))
    return {"size_bytes": path.stat().st_size}
