"""An OpenSearch as a function reaches it: signed as its kind wants, with the credentials that boto3 finds."""

import boto3

from llmanager.adapters.aws.opensearch_http import OpenSearch, Sign, http_session, signer, unsigned
from llmanager.adapters.aws.opensearch_kind import SIGNED_AS, Kind, Patience
from llmanager.adapters.aws.opensearch_store import OpenSearchVectorStore
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Unavailable


def vector_store(url: str, kind: str, prefix: str, clock: Clock) -> OpenSearchVectorStore:
    """`prefix` begins the names of its indexes. Raises Unavailable where requests cannot be signed."""
    patience, chosen = Patience(), Kind(kind)
    http = OpenSearch(url, http_session(patience), _sign(chosen), clock, patience=patience)
    return OpenSearchVectorStore(http, chosen, prefix, clock)


def _sign(kind: Kind) -> Sign:
    service = SIGNED_AS.get(kind)
    if service is None:
        return unsigned
    session = boto3.Session()
    credentials, region = session.get_credentials(), session.region_name
    if credentials is None or region is None:
        raise Unavailable("There are no AWS credentials, or no region, to sign requests to OpenSearch with.")
    return signer(credentials, service, region)
