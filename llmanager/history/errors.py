from llmanager.history.entities import MAX_CONTENT_BYTES, MAX_MESSAGES, MAX_METADATA_BYTES, MAX_TOGETHER_BYTES
from llmanager.kernel.errors import InvalidInput, NotFound, TooLarge


class ChatNotFound(NotFound):
    code = "chat_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such chat. List yours with POST /history/list.")


class MessageTooLarge(TooLarge):
    code = "message_too_large"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(
            f"A message has {size_bytes} bytes as JSON; at most {MAX_CONTENT_BYTES} are kept. Shorten or split it."
        )


class MessagesTooLarge(TooLarge):
    code = "messages_too_large"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(
            f"The messages have {size_bytes} bytes together; one request takes at most {MAX_TOGETHER_BYTES}. "
            "Append them in several requests."
        )


class TooManyMessages(InvalidInput):
    code = "too_many_messages"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"The request has {count} messages; it takes at most {MAX_MESSAGES}. Append them in several requests.",
            param="messages",
        )


class MetadataTooLarge(TooLarge):
    code = "metadata_too_large"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(
            f"The metadata has {size_bytes} bytes as JSON; at most {MAX_METADATA_BYTES} are kept. Keep less of it."
        )
