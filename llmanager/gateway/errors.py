"""What only the data path can say, more exactly than the kernel's errors."""

from llmanager.kernel.errors import InvalidInput, NotFound, NotSupported, UpstreamFailed


class ContextLengthExceeded(InvalidInput):
    """The prompt is longer than the model's context. The code is OpenAI's: clients trim and ask again on it."""

    code = "context_length_exceeded"


class ModelNotFound(NotFound):
    """The one text for absent, another tenant's and being deleted. The code is OpenAI's, and that of /model routes."""

    code = "model_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no model {name!r}. GET /v1/models lists those there are.")


class MethodNotAllowed(NotSupported):
    """The path exists for other methods: `allowed`, as an Allow header lists them."""

    code = "method_not_allowed"

    def __init__(self, message: str, *, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed


class UpstreamUnreached(UpstreamFailed):
    """No connection came about: the request was not sent."""


class UpstreamRefused(UpstreamFailed):
    """The server is up and answered with an error of its own."""


class UpstreamLacks(UpstreamRefused):
    """The server has nothing at this path, or answers it in a way that is not known."""


class UpstreamBusy(UpstreamRefused):
    """The server answered 502 or 503: it did not work on the request."""
