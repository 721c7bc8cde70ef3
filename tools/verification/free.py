"""What costs nothing, or parts of a cent: the smoke test of every deployment."""

from tools.verification.api import StepFailed, post
from tools.verification.walk import Walk

LARGE_BYTES = 7 * 2**20  # over Lambda's 6 MiB
FILE = b"The library opens at nine.\n"


def walk_for_free(walk: Walk, source: str) -> None:
    health(walk)
    refusals(walk)
    plan(walk, source)
    history(walk)
    files(walk)


def health(walk: Walk) -> None:
    for path in ("/health", "/ready"):
        answer = walk.api.send("GET", path)
        if not answer.is_ok:
            raise StepFailed(f"GET {path} answered {answer.status}: {answer.error.get('message', answer.body)}")
    walk.say("  healthy and ready")


def refusals(walk: Walk) -> None:
    probes = walk.evidence.probes
    if walk.api.has_key:  # a server on one's own machine may have none
        probes["no key"] = walk.api.send("POST", "/model/list", {}, with_key=False).probe()
    large = b'{"q": "' + b"x" * LARGE_BYTES + b'", "a": ""}'
    probes["body over the limit"] = walk.api.send("POST", "/history/new", large).probe()
    walk.say("  asked with too much and, where keys are used, without one")


def plan(walk: Walk, source: str) -> None:
    told = post(walk.api, "/model/plan", name="verify", model=source, backend="sagemaker")["plan"]
    walk.say(f"  a plan of {source}: {told['instance_type']}, {told['usd_per_hour']} USD an hour")


def history(walk: Walk) -> None:
    chat = post(walk.api, "/history/new", q="Who are you?", a="A test.")["chat_id"]
    thing = walk.made.note(f"chat {chat}", "/history/delete", {"chat_id": chat})
    post(walk.api, "/history/append", chat_id=chat, q="Still there?", a="Yes.")
    turns = post(walk.api, "/history/get", chat_id=chat)
    if [turn["a"] for turn in turns] != ["A test.", "Yes."]:
        raise StepFailed(f"the chat that was written is not the chat that is read: {turns}")
    post(walk.api, "/history/delete", chat_id=chat)
    walk.made.forget(thing)
    walk.say("  a chat written, read and deleted")


def files(walk: Walk) -> None:
    announced = post(walk.api, "/files", filename="verify.txt", bytes=len(FILE))
    thing = walk.made.note("a file", "/files/delete", {"file_id": announced["file_id"]})
    status = walk.api.put(announced["put_url"], FILE)
    if not 200 <= status < 300:
        raise StepFailed(f"the upload to the address that the API gave was answered with {status}")
    post(walk.api, "/files/delete", file_id=announced["file_id"])
    walk.made.forget(thing)
    walk.say("  a file uploaded and deleted")
