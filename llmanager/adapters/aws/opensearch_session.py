"""From an address to a store: with the credentials that boto3 finds, where the kind wants requests signed."""

import boto3

from llmanager.adapters.aws.opensearch_http import OpenSearch, Sign, http_session, signer, unsigned
from llmanager.adapters.aws.opensearch_kind import SIGNED_AS, Kind, Patience
from llmanager.adapters.aws.opensearch_store import OpenSearchVectorStore
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Unavailable

DEFAULT = Patience()


def connected_store(
    url: str, kind: Kind, stage: str, clock: Clock, *, region: str | None = None, patience: Patience = DEFAULT
) -> OpenSearchVectorStore:
    """Asks nothing yet. `region`: None is the one that boto3 finds. Raises Unavailable without credentials."""
    http = OpenSearch(url, http_session(patience), _sign(kind, region), clock, patience=patience)
    return OpenSearchVectorStore(http, kind, f"lm-{stage}-", clock)


def _sign(kind: Kind, region: str | None) -> Sign:
    if kind not in SIGNED_AS:
        return unsigned
    session = boto3.Session(region_name=region)
    credentials = session.get_credentials()
    if credentials is None or session.region_name is None:
        raise Unavailable("There are no AWS credentials or no region to ask OpenSearch with. Give this server a role.")
    return signer(credentials, SIGNED_AS[kind], session.region_name)
