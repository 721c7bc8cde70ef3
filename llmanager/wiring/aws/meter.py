"""One line in the log for each request for a model: what CloudWatch is asked about use, errors and times."""

from dataclasses import asdict

import structlog

from llmanager.gateway.ports import Served

log = structlog.get_logger()


class LoggedMeter:
    """A Meter."""

    def served(self, record: Served) -> None:
        told = asdict(record)
        usage = told.pop("usage") or {}
        log.info("served", **told, **usage)
