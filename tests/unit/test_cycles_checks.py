"""What `bench cycles` would see if a promise were broken: a check that never fails promises nothing."""

import json
from types import SimpleNamespace

import pytest

from bench.cycles import EVENTS_KEPT, Report, Watcher, problem_of_stream, problem_of_whole
from bench.cycles import MODELS as NAMES


def whole(content="Hello", finish_reason="stop"):
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": finish_reason}]})


@pytest.mark.parametrize(
    ("status", "text", "has_problem"),
    [
        (200, whole(), False),
        (200, whole(finish_reason="length"), False),
        (200, whole(content=None), True),
        (200, whole(finish_reason=None), True),
        (503, json.dumps({"error": {"message": "No."}}), True),
    ],
)
def test_a_whole_answer_without_text_or_end_is_lost(status, text, has_problem):
    assert bool(problem_of_whole(status, text)) is has_problem


END = 'data: {"choices": [{"finish_reason": "stop"}]}\n\n'


@pytest.mark.parametrize(
    ("text", "has_problem"),
    [
        (END + "data: [DONE]\n\n", False),
        (END, True),
        ("data: [DONE]\n\n", True),
        ('data: {"error": {"message": "It broke."}}\n\n', True),
        ("", True),
    ],
    ids=["complete", "without [DONE]", "without a finish", "error", "nothing"],
)
def test_a_stream_that_does_not_end_as_it_should_is_lost(text, has_problem):
    assert bool(problem_of_stream(200, text)) is has_problem


class Told:
    """A server whose models tell these events."""

    def __init__(self):
        self.events = {name: [("0", "created", ""), ("0", "ready", "")] for name in NAMES}
        self.count = 1

    def ask(self, path, body):
        events = self.events[body["name"]][-EVENTS_KEPT:]
        return 200, {"events": [dict(zip(("at", "what", "why"), event, strict=True)) for event in events]}

    def workers(self):
        return [SimpleNamespace()] * self.count


def test_each_ready_after_the_first_is_a_cycle_counted_once():
    server, report = Told(), Report(0)
    watcher = Watcher(server, report)
    server.events["one"] += [("1", "asleep", "idle for 1 s"), ("2", "running", "a request"), ("3", "ready", "")]
    watcher.look()
    server.events["two"] += [("4", "asleep", "to make room for 'one'"), ("5", "ready", "")]
    watcher.look()
    assert (report.cycles, dict(report.whys), report.problems) == (2, {"idle": 1, "to make room": 1}, [])


def test_events_that_came_too_fast_a_replica_that_failed_and_a_worker_too_many_are_told():
    server, report = Told(), Report(0)
    watcher = Watcher(server, report)
    server.count = 2
    server.events["one"] += [(str(n), "replica failed", "It broke.") for n in range(EVENTS_KEPT)]
    watcher.look()
    assert report.most_workers == 2
    assert "events of one came too fast to count them all" in report.broken
    assert "one: replica failed: It broke." in report.broken


def test_what_is_left_or_lost_is_a_problem():
    report = Report(0, lost=["a stream"], broken=["a call"], workers_left=2)
    assert report.problems == ["a stream", "a call", "2 workers were left"]
