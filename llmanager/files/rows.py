"""Files as rows. The one place that knows their keys.

access pattern                       partition           sort
a file by tenant and id              file#TENANT         ID
a tenant's files by name             filename#TENANT     NAME      a copy of the newest ready file of that name
an upload by its token               upload-token        sha256 of the token, hex
a tenant's uploads that are not over upload#TENANT       ID

Tenants have no '#' in their names. Everything of a file expires with it; its blob then has no row, and is swept.
Blobs: files/TENANT/ID/UPLOAD, and incoming/TENANT/ID for what comes in past us.
"""

from llmanager.files.entities import File
from llmanager.kernel.bodies import body_of, entity_in
from llmanager.kernel.table import Row

TOKENS = "upload-token"
BLOBS = "files/"
INCOMING = "incoming/"


def file_partition(tenant: str) -> str:
    return f"file#{tenant}"


def name_partition(tenant: str) -> str:
    return f"filename#{tenant}"


def upload_partition(tenant: str) -> str:
    return f"upload#{tenant}"


def file_row(file: File) -> Row:
    return Row(file_partition(file.tenant), file.id, body_of(file), expires_at=file.expires_at)


def name_row(file: File) -> Row:
    return Row(name_partition(file.tenant), file.filename, body_of(file), expires_at=file.expires_at)


def to_file(row: Row) -> File:
    return entity_in(row, File)


def token_row(file: File, token_hash: str) -> Row:
    return Row(TOKENS, token_hash, {"tenant": file.tenant, "id": file.id}, expires_at=file.expires_at)


def upload_row(file: File) -> Row:
    return Row(upload_partition(file.tenant), file.id, expires_at=file.expires_at)


def blob_key(file: File, upload: str) -> str:
    """Of ids only, never of a user's words."""
    return f"{BLOBS}{file.tenant}/{file.id}/{upload}"


def owner_of(blob: str) -> tuple[str, str]:
    """Tenant and id of the file that a blob was uploaded for."""
    tenant, id_, _ = blob.removeprefix(BLOBS).split("/")
    return tenant, id_


def incoming_key(file: File) -> str:
    return f"{INCOMING}{file.tenant}/{file.id}"


def owner_of_incoming(blob: str) -> tuple[str, str]:
    tenant, id_ = blob.removeprefix(INCOMING).split("/")
    return tenant, id_
