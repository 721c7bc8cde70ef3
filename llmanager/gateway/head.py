"""A request's top level, decoded once into a typed head that is also what goes to the upstream.

Only the members named here exist: others (`cache_salt`, `n_discard`, `id_slot`, ...) are dropped, each number is
bounded, and long members (messages, tools, schemas) stay raw bytes. The head is always encoded anew, which costs
less than half a microsecond: so what was checked is what is sent, whatever the body's spelling (repeated keys).
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from llmanager.gateway.depth import check_depth
from llmanager.kernel.errors import InvalidInput

MAX_INPUTS = 2048

Tokens = Annotated[int, Meta(ge=1, le=2**31 - 1)]
TokenId = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
ShortText = Annotated[str, Meta(max_length=512)]
Tools = Annotated[list[dict[str, Raw]], Meta(max_length=128)]
TextOrTokens = str | Annotated[list[str | TokenId | list[TokenId]], Meta(min_length=1)]


class StreamOptions(Struct, omit_defaults=True):
    include_usage: bool | None = None


class Sampling(Struct, kw_only=True, omit_defaults=True):
    max_tokens: Tokens | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stop: ShortText | Annotated[list[ShortText], Meta(max_length=16)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: Annotated[dict[str, Annotated[float, Meta(ge=-100, le=100)]], Meta(max_length=1024)] | None = None
    user: ShortText | None = None


class ChatSampling(Sampling, kw_only=True, omit_defaults=True):
    max_completion_tokens: Tokens | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    tools: Tools | None = None
    tool_choice: ShortText | dict[str, Raw] | None = None
    parallel_tool_calls: bool | None = None
    functions: Tools | None = None
    function_call: ShortText | dict[str, Raw] | None = None
    response_format: dict[str, Raw] | None = None
    reasoning_effort: ShortText | None = None


class Chat(ChatSampling, kw_only=True, omit_defaults=True):
    messages: Annotated[list[Raw], Meta(min_length=1)]
    model: ShortText = ""
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class Completion(Sampling, kw_only=True, omit_defaults=True):
    prompt: TextOrTokens
    model: ShortText = ""
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    suffix: str | None = None
    echo: bool | None = None
    best_of: Annotated[int, Meta(ge=1, le=20)] | None = None
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None


class Embedding(Struct, kw_only=True, omit_defaults=True):
    input: TextOrTokens
    model: ShortText = ""
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=65536)] | None = None
    user: ShortText | None = None


Head = Chat | Completion | Embedding


class QueryParameters(ChatSampling, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    pass


class Query(Struct, kw_only=True, forbid_unknown_fields=True):
    query: Annotated[str, Meta(min_length=1)]
    model: ShortText = ""
    name: ShortText = ""
    parameters: QueryParameters = msgspec.field(default_factory=QueryParameters)
    stream: bool = False


H = TypeVar("H", bound=Struct)


def decoder(kind: type[H]) -> Callable[[bytes], H]:
    """A function from a body to its head. It raises InvalidInput with the member's name as `param`."""
    decode = msgspec.json.Decoder(kind).decode

    def decoded(body: bytes) -> H:
        check_depth(body)
        try:
            body.decode()
            return decode(body)
        except UnicodeDecodeError:
            raise InvalidInput("The body is not UTF-8. Send JSON encoded as UTF-8.") from None
        except msgspec.ValidationError as error:
            raise _invalid(str(error)) from None
        except msgspec.DecodeError as error:
            raise InvalidInput(f"The body is not valid JSON. {error}.") from None

    return decoded


_decode_chat = decoder(Chat)
_decode_completion = decoder(Completion)
_decode_embedding = decoder(Embedding)
_decode_query = decoder(Query)


def chat(body: bytes) -> Chat:
    head = _decode_chat(body)
    if any(bytes(memoryview(message)[:1]) != b"{" for message in head.messages):
        raise InvalidInput("'messages' must be an array of objects, each with 'role' and 'content'.", param="messages")
    return head


def completion(body: bytes) -> Completion:
    head = _decode_completion(body)
    _check_inputs(head.prompt, "prompt")
    return head


def embedding(body: bytes) -> Embedding:
    head = _decode_embedding(body)
    _check_inputs(head.input, "input")
    return head


def query(body: bytes) -> Chat:
    """Our own one-question form, as the chat request that it stands for."""
    asked = _decode_query(body)
    if asked.name and asked.model and asked.name != asked.model:
        raise InvalidInput("'model' and 'name' mean the same and differ here. Send one of them.", param="name")
    message = Raw(msgspec.json.encode({"role": "user", "content": asked.query}))
    sampling: dict[str, Any] = msgspec.structs.asdict(asked.parameters)
    return Chat(model=asked.model or asked.name, messages=[message], stream=asked.stream, **sampling)


def cap_tokens(head: Head, context_tokens: int | None) -> None:
    """More than the context holds cannot come: clients that always ask for 48 000 tokens still get an answer."""
    if context_tokens is None:
        return
    if isinstance(head, Sampling) and head.max_tokens is not None:
        head.max_tokens = min(head.max_tokens, context_tokens)
    if isinstance(head, ChatSampling) and head.max_completion_tokens is not None:
        head.max_completion_tokens = min(head.max_completion_tokens, context_tokens)


def bound_answer(head: Head, answer_tokens: int | None) -> None:
    """Where the request sets no bound: a model that may not find an end gets one."""
    if answer_tokens is None or not isinstance(head, Sampling) or head.max_tokens is not None:
        return
    if not (isinstance(head, ChatSampling) and head.max_completion_tokens is not None):
        head.max_tokens = answer_tokens


_AT = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)
_MISSING = re.compile(r"`(\w+)`")
_MEMBER = re.compile(r"\w+")


def _invalid(reason: str) -> InvalidInput:
    """From msgspec's "Expected `int` >= 1 - at `$.n`" to our words; the values themselves are never in them."""
    match = _AT.fullmatch(reason)
    what, at = (match[1], match[2] or "") if match else (reason, "")
    member = _MEMBER.match(at) or (_MISSING.search(what) if "field" in what else None)
    param = member[member.lastindex or 0] if member else None
    where = f"{at!r}: " if at else ""
    return InvalidInput(f"{where}{what[:1].lower() + what[1:]}.", param=param)


def _check_inputs(value: str | list[Any], param: str) -> None:
    """A text, texts, one list of token ids, or several: nothing empty, nothing mixed, at most MAX_INPUTS."""
    items = [value] if isinstance(value, str) else value
    kinds = {type(item) for item in items}
    if len(kinds) > 1:
        raise InvalidInput(f"{param!r} mixes texts and tokens. Send one kind.", param=param)
    if len(items) > MAX_INPUTS and kinds != {int}:
        raise InvalidInput(f"{param!r} has {len(items)} items; the limit is {MAX_INPUTS}. Split it.", param=param)
    if any(item in ("", []) for item in items) and param == "input":
        raise InvalidInput(f"{param!r} has an empty item. Leave it out.", param=param)
