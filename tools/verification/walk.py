"""The walk through a model's life: create, wake, answer, sleep, delete; and what is tried on the way."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.verification.account import Account
from tools.verification.api import Answer, Api, StepFailed, post
from tools.verification.evidence import Evidence, View
from tools.verification.made import Made
from tools.verification.pace import Pace

TTL_S = 4 * 3600  # whatever becomes of this walk, the installation deletes its models by then
QUESTION = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 16}


@dataclass
class Walk:
    api: Api
    account: Account
    evidence: Evidence
    made: Made
    pace: Pace
    say: Callable[[str], None]
    began_s: float = 0.0
    watched: str | None = None  # the API's name of the model whose life is watched
    resource: str | None = None  # and its name in SageMaker, once it is listed

    def __post_init__(self) -> None:
        self.began_s = self.pace.now_s()

    def mark(self, name: str) -> None:
        """This is reached in the watched model's life: said, kept, looked at and recorded."""
        self.tell(name)
        self.account.moment(name)
        if self.watched is not None:
            self.look(self.watched)

    def tell(self, name: str) -> None:
        self.evidence.marks.setdefault(name, self.at_s)
        self.say(f"  {self.at_s:7.1f} s  {name}")

    @property
    def at_s(self) -> float:
        return self.pace.now_s() - self.began_s

    def look(self, name: str) -> View:
        """At the model, in the API and in the account; kept as evidence."""
        answer = self.api.send("POST", "/model/status", {"name": name})
        status = "" if answer.status == 404 else str(answer.body["status"]) if answer.is_ok else "?"
        if self.resource is None:
            self.resource = self.account.resource_of(name)
        view = self.account.view(self.resource, self.at_s, status)
        self.evidence.views.append(view)
        return view

    def wait(self, name: str, is_so: Callable[[View], bool], most_s: float, what: str) -> None:
        """Raises StepFailed where it does not come about, or the model failed."""

        def seen() -> bool:
            view = self.look(name)
            if view.status == "failed":
                reason = self.api.send("POST", "/model/status", {"name": name}).body.get("reason", "")
                raise StepFailed(f"model {name} failed: {reason}")
            return is_so(view)

        if not self.pace.until(seen, most_s):
            raise StepFailed(f"model {name} was not {what} within {most_s:.0f} s")


def create_model(walk: Walk, name: str, source: str, **more: str) -> None:
    """Returns at once: starting takes minutes."""
    walk.made.note(f"model {name}", "/model/delete", {"name": name}, model=name)
    asked = {"name": name, "model": source, "backend": "sagemaker", "ttl_s": TTL_S, "sleep_after_s": 1800, **more}
    post(walk.api, "/model/create", **asked)


def life_of_a_model(walk: Walk, name: str) -> None:
    """From the moment it was asked for until it answers, sleeps, wakes and answers again."""
    walk.watched = name
    walk.wait(name, lambda view: view.status == "ready", walk.pace.ready_s, "ready")
    walk.mark("ready")
    answers(walk, name)
    try_while_awake(walk)
    sleeps(walk, name)
    try_at_zero(walk, name)
    wakes(walk, name)


def answers(walk: Walk, name: str) -> None:
    told = post(walk.api, "/v1/chat/completions", model=name, **QUESTION)
    walk.say(f"            it says: {told['choices'][0]['message']['content'][:60]!r}")
    times = walk.api.stream("/v1/chat/completions", {"model": name, "stream": True, **QUESTION, "max_tokens": 64})
    if not times:
        raise StepFailed("the streamed answer had no event")
    walk.evidence.numbers["seconds between first and last event"] = times[-1] - times[0]
    walk.evidence.numbers["seconds of the stream"] = times[-1]


def try_while_awake(walk: Walk) -> None:
    if walk.resource is None:
        return
    probes = walk.evidence.probes
    probes["openai chat awake"] = walk.account.ask_openai_path(walk.resource, "chat/completions")
    probes["openai embeddings awake"] = walk.account.ask_openai_path(walk.resource, "embeddings")


def sleeps(walk: Walk, name: str) -> None:
    post(walk.api, "/model/sleep", name=name)
    walk.mark("asked to sleep")
    # The API calls it asleep from the moment that is wanted; here it counts when nothing runs any more.
    walk.wait(
        name,
        lambda view: view.status == "asleep" and view.copies == view.wanted_copies == 0,
        walk.pace.ready_s,
        "asleep",
    )
    walk.mark("asleep")
    walk.pace.until(lambda: walk.look(name).instances == 0, walk.pace.release_s)


def try_at_zero(walk: Walk, name: str) -> None:
    walk.mark("probed at zero")
    if walk.resource is None:
        return
    probes = walk.evidence.probes
    probes["openai path at zero"] = walk.account.ask_openai_path(walk.resource, "chat/completions")
    # Of this request alone: InvokeEndpoint, which is known to count, follows when this was looked for.
    walk.pace.until(lambda: bool(failures(walk)), walk.pace.metric_s)
    walk.evidence.numbers["no-capacity failures after the openai path"] = failures(walk) or 0.0
    if walk.look(name).copies == 0:
        probes["invoke at zero"] = walk.account.invoke(walk.resource)
    walk.pace.until(lambda: walk.look(name).wanted_copies > 0, walk.pace.metric_s)


def failures(walk: Walk) -> float | None:
    since_s = walk.at_s - walk.evidence.marks["probed at zero"] + 60
    return walk.account.datapoints("NoCapacityInvocationFailures", walk.resource or "", since_s=since_s)


def wakes(walk: Walk, name: str) -> None:
    """By the request that needs it, as a client would: again and again until it is answered."""
    walk.mark("asked to wake")
    last: list[Answer] = []

    def answered() -> bool:
        walk.look(name)
        last.append(walk.api.send("POST", "/v1/chat/completions", {"model": name, **QUESTION}))
        return last[-1].is_ok

    if not walk.pace.until(answered, walk.pace.ready_s):
        raise StepFailed(f"the sleeping model was not answered for: {last[-1].status} {last[-1].error}")
    walk.mark("woken")


def look_for_gpu_metrics(walk: Walk) -> None:
    """Late, for they come some minutes after what they tell of."""
    found: list[float | None] = []

    def told() -> bool:
        found.append(walk.account.datapoints("GPUUtilizationNormalized", walk.resource or "", since_s=3600))
        return bool(found[-1])

    walk.pace.until(told, walk.pace.metric_s)
    if found[-1] is not None:
        walk.evidence.numbers["gpu datapoints"] = found[-1]


def remove_model(walk: Walk, name: str) -> None:
    """The one delete that is watched; `made` would do it otherwise."""
    if walk.resource is not None:
        probe = walk.account.delete_endpoint(walk.resource)
        walk.evidence.probes["delete the endpoint with its component"] = probe
    post(walk.api, "/model/delete", name=name)
    walk.mark("asked to delete")
    walk.wait(name, lambda view: view.status == "" and not view.is_there, walk.pace.gone_s, "gone")
    walk.mark("gone")
