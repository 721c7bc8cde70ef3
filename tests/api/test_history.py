"""Chats and their turns, over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from tests.api.shape import assert_error


def new(api, **body):
    answer = api.post("/history/new", body or {"q": "q0", "a": "a0"})
    assert answer.status == 200, answer
    assert answer.json["chat_id"] == answer.json["id"]
    return answer.json["chat_id"]


def append(api, chat, number):
    return api.post("/history/append", {"chat_id": chat, "q": f"q{number}", "a": f"a{number}"})


def turns(api, chat, **page):
    """All of a chat, page by page."""
    found, cursor = [], None
    while True:
        asked = {"chat_id": chat, **page, **({"cursor": cursor} if cursor else {})}
        answer = api.post("/history/get", asked)
        assert answer.status == 200, answer
        found += answer.json
        if not (cursor := answer.headers.get("x-next-cursor")):
            return found


@pytest.fixture
def chat(api):
    chat = new(api)
    yield chat
    api.post("/history/delete", {"chat_id": chat})


def test_a_new_chat_holds_its_first_turn(api, chat):
    assert turns(api, chat) == [{"q": "q0", "a": "a0"}]


def test_turns_stay_in_the_order_of_their_appending(api, chat):
    for number in (1, 2, 3):
        assert append(api, chat, number).status == 200
    assert turns(api, chat) == [{"q": f"q{n}", "a": f"a{n}"} for n in range(4)]


def test_pages_join_without_gap_or_double(api, chat):
    for number in range(1, 8):
        append(api, chat, number)
    assert sorted(t["q"] for t in turns(api, chat, limit=3)) == [f"q{n}" for n in range(8)]


def test_id_is_another_word_for_chat_id(api, chat):
    assert api.post("/history/append", {"id": chat, "q": "q1", "a": "a1"}).status == 200
    assert len(api.post("/history/get", {"id": chat}).json) == 2


def test_a_chat_is_read_as_messages_too(api, chat):
    page = api.post("/history/get", {"chat_id": chat, "format": "messages"}).json
    assert [(m["role"], m["content"]) for m in page["messages"]] == [("user", "q0"), ("assistant", "a0")]
    assert page["cursor"] is None
    assert len({m["id"] for m in page["messages"]}) == 2
    assert all(datetime.fromisoformat(m["at"]).tzinfo for m in page["messages"])


def test_a_chat_may_begin_with_messages(api):
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    chat = new(api, messages=messages, title="A talk", metadata={"topic": "greeting"})
    page = api.post("/history/get", {"chat_id": chat, "format": "messages"}).json
    assert [{"role": m["role"], "content": m["content"]} for m in page["messages"]] == messages
    api.post("/history/delete", {"chat_id": chat})


def test_sixty_four_appends_at_once_lose_nothing_and_keep_one_order(api, chat):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: append(api, chat, n), range(1, 65)))
    assert {answer.status for answer in answers} == {200}
    first, second = turns(api, chat, limit=50), turns(api, chat, limit=50)
    assert first == second
    assert sorted(int(t["q"][1:]) for t in first) == list(range(65))
    assert all(t["a"][1:] == t["q"][1:] for t in first), "a turn was torn apart"


def test_text_comes_back_as_it_was_sent(api):
    text = "ünï🙂\u0000\u2028\"'\\</script> $(x) \r\n" + "長" * 1000
    chat = new(api, q=text, a=text)
    assert turns(api, chat) == [{"q": text, "a": text}]
    api.post("/history/delete", {"chat_id": chat})


def test_a_chat_is_listed_with_its_title_once_it_has_one(api, chat):
    changed = api.post("/history/update", {"chat_id": chat, "title": "Renamed", "metadata": {"k": "v"}})
    assert changed.status == 200
    listed = api.post("/history/list", {"limit": 200}).json
    [mine] = [c for c in listed["chats"] if c["chat_id"] == chat]
    assert mine["title"] == "Renamed"
    assert mine["metadata"] == {"k": "v"}


def test_chats_are_listed_newest_first_page_by_page(api):
    made = [new(api) for _ in range(3)]
    seen, cursor = [], None
    for _ in range(200):
        page = api.post("/history/list", {"limit": 2, **({"cursor": cursor} if cursor else {})}).json
        seen += [c["chat_id"] for c in page["chats"]]
        if (cursor := page["cursor"]) is None:
            break
    assert cursor is None
    assert [c for c in seen if c in made] == made[::-1]
    for chat in made:
        api.post("/history/delete", {"chat_id": chat})


def test_a_deleted_chat_is_gone_with_its_messages(api):
    chat = new(api)
    assert api.post("/history/delete", {"chat_id": chat}).status in (200, 202)
    for path, extra in [("get", {}), ("append", {"q": "q", "a": "a"}), ("update", {"title": "x"}), ("delete", {})]:
        assert_error(api.post(f"/history/{path}", {"chat_id": chat, **extra}), 404)
    assert chat not in {c["chat_id"] for c in api.post("/history/list", {"limit": 200}).json["chats"]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"q": "only a question"},
        {"q": "q", "a": "a", "messages": [{"role": "user", "content": "x"}]},
        {"messages": [{"role": "emperor", "content": "x"}]},
        {"messages": [{"role": "user", "content": "x", "extra": 1}]},
        {"q": "q", "a": "a", "ttl_s": 0},
        {"q": "q", "a": "a", "ttl_s": -5},
        {"q": "q", "a": "a", "metadata": "text"},
        {"q": "q", "a": "a", "title": "t" * 10_000},
    ],
    ids=lambda body: str(body)[:50],
)
def test_a_chat_that_makes_no_sense_is_refused(api, body):
    assert_error(api.post("/history/new", body), 400, 413, 422)


@pytest.mark.parametrize("extra", [{"format": "xml"}, {"limit": 0}, {"limit": 201}, {"cursor": "nonsense!"}])
def test_a_reading_that_makes_no_sense_is_refused(api, chat, extra):
    assert_error(api.post("/history/get", {"chat_id": chat, **extra}), 400, 422)


def test_chat_id_and_id_may_not_name_two_chats(api, chat):
    assert_error(api.post("/history/get", {"chat_id": chat, "id": new(api)}), 400, 422)
