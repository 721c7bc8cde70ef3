"""Errors that only HTTP knows: the request never reached a use case."""

from llmanager.kernel.errors import Final, Forbidden, LLManagerError, TooLarge, Unavailable


class BadRequest(Final):
    code = "bad_request"


class MisdirectedRequest(Final):
    code = "misdirected_request"

    def __init__(self) -> None:
        super().__init__(
            "This server does not answer to the name in the Host header. Use the address it printed at start, or add "
            "the name to LLMANAGER_ALLOWED_HOSTS."
        )


class ForeignOrigin(Forbidden):
    code = "foreign_origin"

    def __init__(self) -> None:
        super().__init__("A web page of another origin may not call this server. Call it from a program instead.")


class HeadersTooLarge(TooLarge):
    code = "headers_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The request's line and headers are over {limit_bytes} bytes. Send fewer or shorter ones.")


class BodyTooLarge(TooLarge):
    code = "body_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The request's body is over {limit_bytes} bytes. Send less, or in several requests.")


class BodyTooSlow(BadRequest):
    code = "body_too_slow"

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"The request's body did not arrive within {limit_s:g} s. Send it again.")


class ServerStops(Unavailable):
    code = "server_stops"

    def __init__(self) -> None:
        super().__init__("This server is stopping. Try again when it is back.", retry_after_s=5)


def internal_error(request_id: str) -> LLManagerError:
    return LLManagerError(
        "Something went wrong in this server; your request may be fine. Try again, and if it stays, report the "
        f"request id {request_id}."
    )
