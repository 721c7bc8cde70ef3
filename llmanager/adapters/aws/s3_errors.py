"""What S3 refuses. A HEAD has no body, so its codes are bare statuses."""

from typing import Final

from botocore.exceptions import ClientError

from llmanager.adapters.aws.credential_errors import refused_credentials
from llmanager.adapters.aws.errors import denied, told
from llmanager.kernel.errors import BlobNotFound, TooLarge, Unavailable

GONE: Final = frozenset({"404", "NoSuchKey", "NotFound"})
DAMAGED: Final = frozenset({"BadDigest", "IncompleteBody", "NoSuchUpload", "XAmzContentSHA256Mismatch"})


def of_s3(error: ClientError, what: str) -> Exception | None:
    code, _ = told(error)
    if code in GONE:
        return BlobNotFound("What this needs is not in the blob store any more.")
    if code in DAMAGED:
        return Unavailable("The blob store did not get all of the bytes, so nothing was written. Try again.")
    match code:
        case "NoSuchBucket":
            return Unavailable(f"AWS has no such bucket to {what}. Deploy again, or look at LLMANAGER_BUCKET.")
        case "EntityTooLarge":
            return TooLarge("This has more bytes than S3 keeps in one object. Send less at once.")
        case "403":
            return denied(what)
        case "400":  # our requests are well formed: what is wrong with one is its signature, an old token above all
            return refused_credentials(what)
    return None
