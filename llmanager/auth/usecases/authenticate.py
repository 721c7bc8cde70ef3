from datetime import datetime

from llmanager.auth.entities import SECRET, hash_of
from llmanager.auth.errors import BadKey
from llmanager.auth.usecases.find import find_key_by_hash
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Table


def authenticate(table: Table, *, secret: str, now: datetime) -> Principal:
    """Who holds this secret. Raises BadKey whatever is wrong with it; text that cannot be a key costs no lookup."""
    if not SECRET.fullmatch(secret):
        raise BadKey
    digest = hash_of(secret)
    key = find_key_by_hash(table, digest=digest)
    if key is None or not key.admits(digest, now):
        raise BadKey
    return key.principal
