"""Every route of this version, with a body that is right in shape. NAME, CHAT, KEY, FILE and JOB are of nothing."""

from dataclasses import dataclass
from typing import Any

NAME = "no-such-model"
CHAT = "0123456789abcdef"
KEY = "0123456789ab0123456789abcdef"
FILE = JOB = "0123456789abcdef0123456789ab"
TURN = {"q": "Who?", "a": "You."}
MESSAGES = [{"role": "user", "content": "Hello"}]


@dataclass(frozen=True)
class Route:
    path: str
    body: dict[str, Any]
    wrong: dict[str, Any]  # one field of it with another type

    def __str__(self) -> str:
        return self.path


OWN = (  # strict: unknown fields are refused
    Route("/model/create", {"name": NAME, "model": "demo-tiny"}, {"model": ["demo-tiny"]}),
    Route("/model/plan", {"name": NAME, "model": "demo-tiny"}, {"name": 3}),
    Route("/model/status", {"name": NAME}, {"name": {"$ne": ""}}),
    Route("/model/query", {"name": NAME, "query": "Hello"}, {"query": 3}),
    Route("/model/list", {}, {"limit": "10"}),
    Route("/model/update", {"name": NAME, "sleep_after_s": 60}, {"sleep_after_s": "soon"}),
    Route("/model/sleep", {"name": NAME}, {"name": None}),
    Route("/model/wake", {"name": NAME}, {"name": True}),
    Route("/model/delete", {"name": NAME}, {"name": [NAME]}),
    Route("/history/new", TURN, {"q": 3}),
    Route("/history/append", {"chat_id": CHAT, **TURN}, {"a": {"text": "You."}}),
    Route("/history/get", {"chat_id": CHAT}, {"chat_id": 3}),
    Route("/history/list", {}, {"limit": 1.5}),
    Route("/history/update", {"chat_id": CHAT, "title": "A talk"}, {"title": 3}),
    Route("/history/delete", {"chat_id": CHAT}, {"chat_id": [CHAT]}),
    Route("/vdb/create", {"name": NAME}, {"dim": "8"}),
    Route("/vdb/add", {"name": NAME, "texts": ["Hello"]}, {"texts": "Hello"}),
    Route("/vdb/add_index", {"name": NAME, "dim": 8}, {"dim": "8"}),
    Route("/vdb/query", {"name": NAME, "query": "Hello"}, {"k": "10"}),
    Route("/vdb/get", {"name": NAME}, {"ids": "1"}),
    Route("/vdb/delete_items", {"name": NAME, "ids": ["1"]}, {"ids": [1]}),
    Route("/vdb/list", {}, {"limit": "10"}),
    Route("/vdb/status", {"name": NAME}, {"name": 3}),
    Route("/vdb/hibernate", {"name": NAME}, {"name": None}),
    Route("/vdb/restore", {"name": NAME}, {"name": [NAME]}),
    Route("/vdb/delete", {"name": NAME}, {"name": True}),
    Route("/vdb/embed", {"model": NAME, "src": "a.txt", "vdb": NAME}, {"src": ["a.txt"]}),
    Route("/files", {"filename": "a.txt", "bytes": 1}, {"bytes": "1"}),
    Route("/files/list", {}, {"prefix": 3}),
    Route("/files/delete", {"file_id": FILE}, {"file_id": [FILE]}),
    Route("/jobs/status", {"job_id": JOB}, {"wait_s": "1"}),
    Route("/jobs/list", {}, {"limit": "10"}),
    Route("/jobs/cancel", {"job_id": JOB}, {"job_id": 3}),
    Route("/chat", {"model": NAME, "query": "Hello"}, {"query": ["Hello"]}),
    Route("/admin/fleet", {}, {"tenant": 3}),
    Route("/admin/reap", {"dry_run": True}, {"dry_run": "yes"}),
    Route("/admin/orphans", {}, {"dry_run": True}),
    Route("/auth/keys/create", {"name": NAME, "scopes": ["history:read"]}, {"scopes": "history:read"}),
    Route("/auth/keys/list", {}, {"limit": [1]}),
    Route("/auth/keys/revoke", {"id": KEY}, {"id": 3}),
    Route("/auth/keys/rotate", {"id": KEY}, {"grace_s": "1"}),
)
OPENAI = (  # unknown fields are ignored, as the original does
    Route("/v1/chat/completions", {"model": NAME, "messages": MESSAGES}, {"messages": "Hello"}),
    Route("/v1/completions", {"model": NAME, "prompt": "Hello"}, {"model": 3}),
    Route("/v1/embeddings", {"model": NAME, "input": "Hello"}, {"model": None}),
)
GETS = ("/model/catalog", "/v1/models", f"/v1/models/{NAME}", f"/files/{FILE}", "/metrics")
OPEN = ("/health", "/ready")
