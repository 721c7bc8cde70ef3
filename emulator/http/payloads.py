"""How the containers that LLManager asks for take their requests. Pure: which engine, which path, which shape."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["chat", "embedding"]
CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
BY_MEMBER = {"messages": CHAT, "prompt": COMPLETIONS, "input": EMBEDDINGS}
SERVED_NAME = "SM_VLLM_SERVED_MODEL_NAME"
RUNNER = "SM_VLLM_RUNNER"
TEI_BATCH = 32  # MAX_CLIENT_BATCH_SIZE of text-embeddings-inference, unless the environment says another


class Unfit(Exception):
    """The container refuses the request, with a status of its own."""

    def __init__(self, status: int, said: Mapping[str, Any]) -> None:
        super().__init__(json.dumps(said))
        self.status = status
        self.body = json.dumps(said).encode()


@dataclass(frozen=True)
class Asked:
    """What the worker behind the container is asked. `is_bare`: the answer is vectors alone, as TEI gives them."""

    path: str
    body: bytes
    is_bare: bool = False


def is_tei(image: str) -> bool:
    """By the name of the repository: tei, tei-cpu, huggingface-…-tei."""
    repository = image.rsplit("/", 1)[-1].split(":")[0].split("@")[0]
    return "tei" in repository.split("-")


def kind_of(image: str, environment: Mapping[str, str]) -> Kind:
    return "embedding" if is_tei(image) or environment.get(RUNNER) == "pooling" else "chat"


def asked(image: str, environment: Mapping[str, str], body: bytes) -> Asked:
    """POST /invocations of a container. Raises Unfit."""
    said = json_object(body)
    if is_tei(image):
        return Asked(EMBEDDINGS, json.dumps({"input": tei_inputs(said, environment)}).encode(), is_bare=True)
    path = next((path for member, path in BY_MEMBER.items() if member in said), None)
    if path is None:
        raise Unfit(400, openai_error(f"The body has none of {', '.join(BY_MEMBER)}.", "BadRequestError", 400))
    check_model(said, environment)
    return Asked(path, body)


def tei_inputs(said: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """https://github.com/huggingface/text-embeddings-inference (router): its limits are met early in production."""
    inputs = [said["inputs"]] if isinstance(said.get("inputs"), str) else said.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(text, str) for text in inputs):
        raise Unfit(422, {"error": "Failed to deserialize the JSON body: inputs", "error_type": "Validation"})
    if not inputs:
        raise Unfit(422, {"error": "`inputs` cannot be empty", "error_type": "Validation"})
    most = int(environment.get("MAX_CLIENT_BATCH_SIZE", TEI_BATCH))
    if len(inputs) > most:
        words = f"batch size {len(inputs)} > maximum allowed batch size {most}"
        raise Unfit(422, {"error": words, "error_type": "Validation"})
    return inputs


def check_model(said: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """vLLM knows a model by its served name only; absent or empty is fine."""
    served, named = environment.get(SERVED_NAME), said.get("model")
    if served is not None and named and named != served:
        raise Unfit(404, openai_error(f"The model `{named}` does not exist.", "NotFoundError", 404))


def json_object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Unfit(400, openai_error("The body is not a JSON object.", "BadRequestError", 400))
    return said


def openai_error(message: str, kind: str, code: int) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def bare(body: bytes) -> bytes:
    """TEI's answer: one vector a text, in their order."""
    rows = sorted(json.loads(body)["data"], key=lambda row: row["index"])
    return json.dumps([row["embedding"] for row in rows]).encode()
