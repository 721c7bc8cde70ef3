from dataclasses import dataclass

from llmanager.chat.ports import History, Models, Retriever


@dataclass(frozen=True)
class Assistant:
    """What the use cases work with."""

    retriever: Retriever
    history: History
    models: Models
