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
        "A toy that answers at once and without a download, but knows nothing:",
        curl("/model/create", name="toy", model="demo-tiny"),
        curl("/model/query", model="toy", query="Who are you?"),
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
