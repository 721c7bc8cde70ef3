"""What durability costs: putting a blob, logging one item and a thousand, reading and merging them."""

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.vdb.entities import Item, Vectors, Write
from llmanager.vdb.usecases.log import SegmentLog

DIM, SINGLES, BATCHES, BATCH = 384, 500, 20, 1000
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "seven", "wizards", "box"]
numbers = random.Random(1)


def run() -> list[tuple[str, float | str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        blobs = FileBlobs(Path(folder) / "blobs")
        log = SegmentLog(blobs, "vdb")
        put = _median_ms(lambda n: blobs.put(f"puts/{n}", [b"x" * 3000]), range(SINGLES))
        ones, many = [_write(1) for _ in range(SINGLES)], [_write(BATCH) for _ in range(BATCHES)]
        single = _median_ms(lambda n: log.append("single", n, ones[n]), range(SINGLES))
        batch = _median_ms(lambda n: log.append("batch", n, many[n]), range(BATCHES))
        return [
            ("put of 3 kB (ms)", put, ""),
            (f"append of 1 item x {DIM} (ms)", single, ""),
            (f"append of {BATCH} items x {DIM} (ms)", batch, ""),
            (f"replay of {SINGLES} single items (ms)", _once_ms(lambda: _replay(log, "single")), ""),
            (f"replay of {BATCHES * BATCH} items in {BATCHES} (ms)", _once_ms(lambda: _replay(log, "batch")), ""),
            (f"merging {SINGLES} single items (ms)", _once_ms(lambda: log.compact("single")), ""),
            (f"merging {BATCHES * BATCH} items in {BATCHES} (ms)", _once_ms(lambda: log.compact("batch")), ""),
        ]


def _write(count: int) -> Write:
    items = tuple(
        Item(f"{numbers.random()}", " ".join(numbers.choices(WORDS, k=200)), {"page": n}, "a.pdf") for n in range(count)
    )
    return Write(items, Vectors(DIM, numbers.randbytes(4 * DIM * count)))


def _replay(log: SegmentLog, resource: str) -> int:
    return sum(len(write.items) for segment in log.segments(resource) for write in log.read(resource, segment))


def _median_ms(act: Callable[[int], object], calls: range) -> float:
    return statistics.median(_once_ms(lambda n=n: act(n)) for n in calls)


def _once_ms(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:48} {value:>10.3f} {unit}")
