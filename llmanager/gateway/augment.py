"""`NAME@chat:VDB` as a model's name: NAME answers from what the vector database VDB tells about the last question."""

from dataclasses import replace
from typing import Final

import msgspec
from msgspec import Raw, structs

from llmanager.gateway.ask import Ask
from llmanager.gateway.head import Chat
from llmanager.gateway.ports import Augmenter
from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.principal import Principal

SCOPE = "chat"  # beside the route's own: it reads the tenant's databases, as POST /chat does
SHAPES: Final = ("json_object", "json_schema")  # as in /chat: what else a format may say is no shape
_MARK = "@chat:"  # no model's name has an '@'


def named(ask: Ask) -> Ask:
    """The ask itself, or, if its model is named so, one for NAME from VDB. Raises InvalidInput."""
    name, mark, vdb = ask.name.partition(_MARK)
    if not (mark and vdb and isinstance(ask.head, Chat)):
        return ask
    if ask.head.tools or ask.head.functions:
        raise InvalidInput(f"{ask.name!r} takes no tools. Leave them out, or ask model {name!r} itself.", param="tools")
    return replace(ask, head=structs.replace(ask.head, model=name), vdb=vdb, asked_as=ask.name)


async def augmented(augmenter: Augmenter, caller: Principal, ask: Ask) -> Ask:
    """Raises NotFound where there is no such database, InvalidInput, what is Retryable."""
    assert isinstance(ask.head, Chat)
    told = await augmenter.augment(
        caller,
        model=ask.name,
        vdb=ask.vdb,
        messages=[bytes(message) for message in ask.head.messages],
        max_tokens=ask.head.max_completion_tokens or ask.head.max_tokens,
    )
    head = structs.replace(ask.head, messages=[Raw(message) for message in told.messages])
    grammar = "" if _asks_for_a_shape(ask.head) else told.grammar
    if grammar:
        unsaid = {name: value for name, value in told.sampling.items() if getattr(head, name) is None}
        head = structs.replace(head, **unsaid)
    return replace(ask, head=head, citations=told.citations, grammar=grammar)


def _asks_for_a_shape(head: Chat) -> bool:
    kind = (head.response_format or {}).get("type")
    return kind is not None and msgspec.json.decode(kind) in SHAPES
