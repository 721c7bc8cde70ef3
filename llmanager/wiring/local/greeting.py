"""What a person reads when the server is up: where it is, what answers, and how to get a real model."""

import json

from llmanager.models.catalog import ENTRIES, CatalogEntry
from llmanager.models.entities import Kind


def greeting(base_url: str, home: str, *, needs_key: bool) -> str:
    """`needs_key`: the lines then carry the shell variable KEY."""

    def curl(route: str, **body: str) -> str:
        key = ' -H "authorization: Bearer $KEY"' if needs_key else ""
        return f"  curl {base_url}{route}{key} -H 'content-type: application/json' -d '{json.dumps(body)}'"

    real = first_real_model()
    lines = [
        f"LLManager serves {base_url}  (state in {home}; Ctrl-C stops server and workers)",
        *(["With a key (./run.sh key create NAME): export KEY=…"] if needs_key else []),
        "",
        "A demo that answers at once and without a download; it quotes documents and knows nothing else:",
        curl("/model/create", name="demo", model="demo-tiny"),
        curl("/model/query", model="demo", query="Who are you?"),
        "Its answers from a document, with the sentence they rest on: ./run.sh example",
    ]
    if real is not None:
        lines += [
            "",
            f"A real small model ({real.title}, {real.size_mib} MiB to fetch, {real.licence}):",
            curl("/model/create", name="assistant", model=real.alias),
        ]
    return "\n".join([*lines, "", f"ready {base_url}"])


def first_real_model() -> CatalogEntry | None:
    return next((e for e in ENTRIES if e.kind is Kind.CHAT and e.source.startswith("hub:")), None)
