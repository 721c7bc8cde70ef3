"""Which replica serves a request: the one with the fewest requests open, by our own count; ties take turns."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from llmanager.gateway.ports import Upstream


def least(upstreams: Sequence[Upstream], open_requests: Mapping[str, int], turn: int) -> Upstream:
    count = len(upstreams)
    rotated = (upstreams[(turn + step) % count] for step in range(count))
    return min(rotated, key=lambda upstream: open_requests.get(upstream.id, 0))


class Balance:
    def __init__(self) -> None:
        self.open_requests: Counter[str] = Counter()
        self._turn = 0

    @contextmanager
    def one_of(self, upstreams: Sequence[Upstream]) -> Iterator[Upstream]:
        """A replica, counted as busy with one more request until the block is left."""
        chosen = least(upstreams, self.open_requests, self._turn)
        self._turn += 1
        self.open_requests[chosen.id] += 1
        try:
            yield chosen
        finally:
            self.open_requests[chosen.id] -= 1
            if not self.open_requests[chosen.id]:
                del self.open_requests[chosen.id]
