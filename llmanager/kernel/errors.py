"""The root of every error a user can meet.

LLManagerError                 carries a stable `code`; the status of each is in api/errors.py, once
├── Final                      asking again with the same request gives the same answer
│   ├── InvalidInput           a field is wrong; `param` names it
│   ├── Unauthenticated        no key, or one that is not known
│   ├── Forbidden              the key is known and may not do this
│   ├── NotFound               byte-equal for "absent" and "not yours"
│   │   └── BlobNotFound       what a row speaks of is not in the blob store
│   ├── Conflict               somebody else was first: read again
│   ├── TooLarge               more bytes than a limit allows
│   └── NotSupported           asked for something this backend has not
└── Retryable                  the same request may succeed later; `retry_after_s` says when
    ├── Throttled              too many at once
    ├── Unavailable            a part that is needed is not there now
    │   └── NoRoom             no memory for a model beside those in use
    ├── OutOfSpace             the disk is full
    ├── UpstreamFailed         a model's server broke or answered nonsense
    └── UpstreamTimeout        a model's server did not answer in time

A capability refines these, with codes of its own, in its errors.py.
"""

from typing import ClassVar


class LLManagerError(Exception):
    """What happened, to what, and what to do next: in that order, in one or two sentences.

    The text reaches users: no stack, file path, SQL, key or upstream body belongs in it.
    """

    code: ClassVar[str] = "internal_error"


class Final(LLManagerError):
    """Repeating the same request cannot help."""


class Retryable(LLManagerError):
    """Repeating the same request is safe and may help after `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class InvalidInput(Final):
    code = "invalid_input"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class Unauthenticated(Final):
    code = "unauthenticated"


class Forbidden(Final):
    code = "forbidden"


class NotFound(Final):
    code = "not_found"


class BlobNotFound(NotFound):
    code = "blob_not_found"


class Conflict(Final):
    code = "conflict"


class TooLarge(Final):
    code = "too_large"


class NotSupported(Final):
    code = "not_supported"


class Throttled(Retryable):
    code = "throttled"


class Unavailable(Retryable):
    code = "unavailable"


class NoRoom(Unavailable):
    code = "no_room"


class OutOfSpace(Retryable):
    code = "out_of_space"


class UpstreamFailed(Retryable):
    code = "upstream_failed"


class UpstreamTimeout(Retryable):
    code = "upstream_timeout"
