"""The vector path: an embedder, texts in, the closest out, hibernated and back."""

from tools.verification.api import Answer, StepFailed, post
from tools.verification.walk import Walk

TEXTS = ["Salmon swim up rivers.", "The Eiffel Tower is 330 metres high."]
QUESTION = "How tall is the tower?"
FOUND_S = 120.0


def life_of_a_vector_database(walk: Walk, name: str, embedder: str) -> None:
    walk.made.note(f"vector database {name}", "/vdb/delete", {"name": name})
    wait_for_embedder(walk, embedder)
    post(walk.api, "/vdb/create", name=name, model=embedder)
    walk.tell("vector database created")
    post(walk.api, "/vdb/add", name=name, texts=TEXTS, metadata=[{"n": 1}, {"n": 2}])
    added_s = walk.at_s
    if not walk.pace.until(lambda: finds(walk, name), FOUND_S):
        raise StepFailed(f"what was added to {name} was not found within {FOUND_S:.0f} s")
    walk.evidence.numbers["seconds until an added text was found"] = walk.at_s - added_s
    walk.tell("found by meaning")
    post(walk.api, "/vdb/hibernate", name=name)
    walk.tell("hibernated")
    query = {"name": name, "query": QUESTION, "k": 1}
    walk.pace.until(lambda: walk.api.send("POST", "/vdb/query", query).is_ok, walk.pace.ready_s)
    walk.evidence.probes["query after hibernation"] = walk.api.send("POST", "/vdb/query", query).probe()
    walk.tell("back")
    probe = walk.account.index_with_engine()
    if probe is not None:
        walk.evidence.probes["index with an engine"] = probe


def wait_for_embedder(walk: Walk, name: str) -> None:
    """It was asked for at the beginning, and has slept since if nobody used it: its first request wakes it."""
    answers: list[Answer] = []

    def answered() -> bool:
        answers.append(walk.api.send("POST", "/v1/embeddings", {"model": name, "input": ["hello"]}))
        return answers[-1].is_ok

    if not walk.pace.until(answered, walk.pace.ready_s):
        raise StepFailed(f"the embedder {name} did not answer: {answers[-1].status} {answers[-1].error}")


def finds(walk: Walk, name: str) -> bool:
    answer = walk.api.send("POST", "/vdb/query", {"name": name, "query": QUESTION, "k": 1})
    return answer.is_ok and answer.body["data"] == [TEXTS[1]]
