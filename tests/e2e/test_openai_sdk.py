"""The openai SDK against real llama.cpp workers: its own classes must find what they expect."""

import json

import openai
import pytest

from tests.e2e.world import HELLO

pytestmark = pytest.mark.e2e

RAIN = [{"role": "user", "content": "What is the weather in Oslo?"}]
DIMENSIONS = 384  # of minilm
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a place",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}
ANSWER = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "blue"]}, "is_warm": {"type": "boolean"}},
    "required": ["colour", "is_warm"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def models(shared):
    yield shared.create("toy"), shared.create("long", "long.gguf"), shared.create("minilm", "minilm")
    shared.clear()


@pytest.fixture(scope="module")
def client(shared, models):
    with openai.OpenAI(base_url=f"{shared.api.base_url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_a_chat_has_its_text_its_end_and_its_usage(client):
    answer = client.chat.completions.create(model="toy", messages=HELLO, max_tokens=200)
    (choice,) = answer.choices
    assert (answer.model, choice.message.role, choice.finish_reason) == ("toy", "assistant", "stop")
    assert choice.message.content
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_max_tokens_ends_an_answer_to_the_token(client):
    answer = client.chat.completions.create(model="long", messages=HELLO, max_completion_tokens=17)
    assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("length", 17)


def test_a_stream_says_what_the_whole_answer_says(client):
    request = {"model": "toy", "messages": HELLO, "max_tokens": 60, "seed": 5, "temperature": 0}
    whole = client.chat.completions.create(**request).choices[0].message.content
    with client.chat.completions.create(**request, stream=True) as stream:
        chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole
    assert {chunk.model for chunk in chunks} == {"toy"}
    assert all(chunk.usage is None for chunk in chunks), "nobody asked for it"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_stream_with_usage_ends_with_it_alone(client):
    request = {"model": "long", "messages": HELLO, "max_tokens": 9, "stream": True}
    with client.chat.completions.create(**request, stream_options={"include_usage": True}) as stream:
        *chunks, last = stream
    assert all(chunk.choices for chunk in chunks)
    assert (last.choices, last.usage.completion_tokens) == ([], 9)


def test_a_required_tool_is_called_with_arguments_of_its_schema(client):
    request = {"model": "toy", "messages": RAIN, "tools": [TOOL], "tool_choice": "required", "temperature": 0}
    choice = client.chat.completions.create(**request).choices[0]
    (call,) = choice.message.tool_calls
    assert (choice.finish_reason, call.function.name) == ("tool_calls", "weather")
    assert set(json.loads(call.function.arguments)) == {"place"}


def test_a_streamed_tool_call_puts_its_arguments_together(client):
    request = {"model": "toy", "messages": RAIN, "tools": [TOOL], "tool_choice": "required", "temperature": 0}
    with client.chat.completions.stream(**request) as stream:
        choice = stream.get_final_completion().choices[0]
    assert set(json.loads(choice.message.tool_calls[0].function.arguments)) == {"place"}


def test_an_answer_keeps_to_a_json_schema(client):
    schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": ANSWER, "strict": True}}
    answer = client.chat.completions.create(model="toy", messages=HELLO, response_format=schema, max_tokens=200)
    said = json.loads(answer.choices[0].message.content)
    assert set(said) == {"colour", "is_warm"}
    assert said["colour"] in ("red", "blue")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_each_token_has_its_probability_and_its_rivals(client, stream):
    request = {"model": "toy", "messages": HELLO, "max_tokens": 4, "logprobs": True, "top_logprobs": 3}
    answer = client.chat.completions.create(**request, stream=stream)
    chunks = list(answer) if stream else [answer]
    tokens = [token for c in chunks if c.choices[0].logprobs for token in c.choices[0].logprobs.content]
    assert len(tokens) == 4
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 3 for token in tokens)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_two_answers_are_two_choices(client, stream):
    answer = client.chat.completions.create(model="toy", messages=HELLO, n=2, max_tokens=8, stream=stream)
    chunks = list(answer) if stream else [answer]
    ends = [choice.index for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert sorted(ends) == [0, 1]


def test_a_stop_word_ends_the_answer_and_is_not_in_it(client):
    request = {"model": "toy", "messages": HELLO, "max_tokens": 60, "temperature": 0}
    said = client.chat.completions.create(**request).choices[0].message.content
    word = said.split()[2]
    stopped = client.chat.completions.create(**request, stop=[word]).choices[0]
    assert (stopped.finish_reason, stopped.message.content) == ("stop", said.partition(word)[0])


def test_the_same_seed_says_the_same_and_another_one_something_else(client):
    def said(seed: int) -> str:
        request = {"model": "long", "messages": HELLO, "max_tokens": 24, "seed": seed, "temperature": 1.5}
        return client.chat.completions.create(**request).choices[0].message.content

    assert said(1) == said(1)
    assert said(1) != said(2)


def test_a_text_is_completed_whole_and_streamed(client):
    request = {"model": "toy", "prompt": "LLManager", "max_tokens": 12, "temperature": 0}
    whole = client.completions.create(**request)
    streamed = "".join(chunk.choices[0].text for chunk in client.completions.create(**request, stream=True))
    assert whole.choices[0].text == streamed
    assert whole.object == "text_completion"


def test_any_text_goes_through_unharmed(client):
    """The tiny model has a token for each byte: what it says is half characters, which no write may cut further."""
    text = "Grüße, 你好, 🦙👩‍👩‍👧, ‮rtl, \u2028 \\ud83d \x7f"
    messages = [{"role": "user", "content": text}]
    echoed = client.completions.create(model="long", prompt=text, echo=True, max_tokens=1)
    assert echoed.usage.prompt_tokens == len(text.encode())
    with client.chat.completions.create(model="long", messages=messages, max_tokens=300, stream=True) as stream:
        said = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert said.encode().decode() == said


def test_three_hundred_texts_have_three_hundred_vectors_in_order(client):
    texts = [f"The number {n} and a few words around it." for n in range(300)]
    answer = client.embeddings.create(model="minilm", input=texts)
    assert [item.index for item in answer.data] == list(range(300))
    assert {len(item.embedding) for item in answer.data} == {DIMENSIONS}
    (alone,) = client.embeddings.create(model="minilm", input=texts[137]).data
    assert alone.embedding == pytest.approx(answer.data[137].embedding, abs=2e-3)


def test_the_librarys_base64_and_plain_numbers_are_the_same(client):
    packed = client.embeddings.create(model="minilm", input="A cat.").data[0].embedding
    plain = client.embeddings.create(model="minilm", input="A cat.", encoding_format="float").data[0].embedding
    assert packed == pytest.approx(plain, abs=1e-6)


def test_only_the_models_own_dimensions_may_be_asked_for(client):
    answer = client.embeddings.create(model="minilm", input="A cat.", dimensions=DIMENSIONS)
    assert len(answer.data[0].embedding) == DIMENSIONS
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model="minilm", input="A cat.", dimensions=64)
    assert refused.value.param == "dimensions"


def test_models_are_listed_and_found(client, models):
    assert set(models) <= {model.id for model in client.models.list()}
    assert client.models.retrieve("toy").owned_by == "llmanager"


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"model": "no-such-model"}, openai.NotFoundError, "model_not_found"),
        ({"temperature": 9}, openai.BadRequestError, "invalid_input"),
        ({"model": "minilm"}, openai.BadRequestError, "invalid_input"),
        ({"messages": [{"role": "user", "content": "x" * 70_000}]}, openai.BadRequestError, "context_length_exceeded"),
        ({"messages": [{"role": "user", "content": "x" * 3_000_000}]}, openai.APIStatusError, "too_large"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "no"}}}}, None, None),
    ],
    ids=["unknown model", "bad value", "other kind", "too long for the model", "too large", "bad schema"],
)
def test_errors_are_the_librarys_own_classes(client, changes, error, code):
    with pytest.raises(error or openai.BadRequestError) as caught:
        client.chat.completions.create(**{"model": "long", "messages": HELLO, "max_tokens": 2, **changes})
    assert caught.value.request_id
    assert code is None or caught.value.code == code
    assert caught.value.type == ("not_found_error" if error is openai.NotFoundError else "invalid_request_error")


def test_what_is_not_there_is_an_honest_501(client):
    for call in (
        lambda: client.images.generate(model="toy", prompt="A cat"),
        lambda: client.responses.create(model="toy", input="Hello"),
        lambda: client.moderations.create(input="Hello"),
    ):
        with pytest.raises(openai.InternalServerError) as caught:
            call()
        assert caught.value.status_code == 501
