from llmanager.kernel.errors import InvalidInput


class QuestionTooLong(InvalidInput):
    """The code is OpenAI's: clients trim and ask again on it."""

    code = "context_length_exceeded"

    def __init__(self, model: str, *, over: int, limit: int) -> None:
        super().__init__(
            f"The question, with its system text, is {over} tokens too long for model {model!r}: {limit} of its "
            "context are for the prompt. Shorten it, lower 'max_tokens', or raise the model's 'context_tokens'.",
            param="query",
        )
