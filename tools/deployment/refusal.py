"""A command that cannot go on, in words for the one who called it."""


class Refusal(Exception):
    """`code` is the exit status: 2 if something is missing that the caller has to bring, 1 if something went wrong."""

    def __init__(self, message: str, code: int = 1):
        super().__init__(message)
        self.code = code
