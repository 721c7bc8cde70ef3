"""Workers over a fake table and a clock that stands still until it is moved."""

import threading
from contextlib import contextmanager

from llmanager.jobs.entities import JobState, Progress
from llmanager.jobs.usecases.queue import Queue
from llmanager.wiring.serving.job_workers import JobNews, JobWorkers
from tests.fakes.eventually import eventually
from tests.unit.jobs.world import World


class Stage(World):
    """A queue whose jobs are done by `self.act(job, report)`."""

    def __init__(self) -> None:
        super().__init__()
        self.news = JobNews()
        self.queue = Queue(self.table, self.clock, self.queue.new_id, self.news)
        self.act = lambda job, report: {}

    @contextmanager
    def working(self, **more):
        workers = JobWorkers(self.queue, {"test": self._do}, **more)
        self.news.connect(workers)
        workers.start()
        try:
            yield workers
        finally:
            workers.close()
            assert not any(thread.is_alive() for thread in workers._threads)

    def _do(self, job, report):
        return self.act(job, report)

    def until(self, job, state: JobState):
        return eventually(lambda: self.now(job), lambda now: now.state is state, within_s=10)

    def pass_time(self, seconds: float, workers: JobWorkers) -> None:
        """Time goes by, and somebody looks at the clock."""
        self.clock.advance(seconds)
        workers.poke()


class Halt:
    """A handler that has begun, and goes on when it is told to."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, job, report):
        self.begun.set()
        assert self.go_on.wait(10)
        report.tell(Progress(1))
        return {}

    def wait(self) -> None:
        assert self.begun.wait(10), "it did not begin"
