"""What people and tests look at, and do behind the services' backs: /_emulator/…, unsigned, as JSON."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from emulator.cloud import Cloud
from emulator.http.fleet import Fleet


class View:
    def __init__(self, cloud: Cloud, fleet: Fleet | None) -> None:
        self._cloud, self._fleet = cloud, fleet
        self._hooks: dict[str, Callable[..., None]] = {
            "fail_next": cloud.fail_next,
            "set_capacity": cloud.set_capacity,
            "break_containers": cloud.break_containers,
            "stick": cloud.stick,
            "unstick": cloud.unstick,
            "vanish": cloud.vanish,
            "silence_metrics": cloud.silence_metrics,
            "set_lag": cloud.set_lag,
        }

    async def bill(self, request: web.Request) -> web.Response:
        bill, now = self._cloud.bill, self._cloud.clock.now()
        lines = [dataclasses.asdict(line) for line in bill.lines()]
        return shown({"usd": bill.usd(now), "usd_per_hour": bill.usd_per_hour(), "lines": lines})

    async def resources(self, request: web.Request) -> web.Response:
        return shown([dataclasses.asdict(item) for item in self._cloud.billable()])

    async def containers(self, request: web.Request) -> web.Response:
        """The workers: `pid` is null where one has ended and waits to be started again."""
        workers = self._fleet.workers() if self._fleet is not None else []
        return shown(
            [
                {
                    "component": worker.container.component,
                    "region": worker.container.region,
                    "image": worker.container.image,
                    "is_healthy": worker.is_healthy,
                    "is_up": worker.container.copy.is_up,
                    "pid": worker.process.pid if worker.process is not None else None,
                    "requests": worker.requests,
                }
                for worker in workers
            ]
        )

    async def act(self, request: web.Request) -> web.Response:
        """POST /_emulator/fail_next {"operation": "CreateEndpoint", "code": …}: the hooks of Cloud, by name."""
        hook = self._hooks.get(request.match_info["hook"])
        if hook is None:
            return shown({"message": f"There are {', '.join(sorted(self._hooks))}."}, 404)
        try:
            hook(**await request.json())
        except (TypeError, ValueError, KeyError) as error:
            return shown({"message": f"That cannot be done: {error}"}, 400)
        return shown({})


def shown(told: Any, status: int = 200) -> web.Response:
    """Money and moments as text."""
    return web.Response(
        text=json.dumps(told, default=str, indent=1) + "\n", status=status, content_type="application/json"
    )
