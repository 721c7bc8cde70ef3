"""What is too large for rows: blobs in S3, indexes in OpenSearch. Connects with the first use."""

from dataclasses import dataclass

from llmanager.kernel.blobs import Blobs
from llmanager.vdb.ports import VectorStore
from llmanager.wiring.aws.settings import AwsSettings, there
from llmanager.wiring.serving.lazy import lazily


@dataclass(frozen=True)
class Stores:
    blobs: Blobs
    vectors: VectorStore


def stores_of(settings: AwsSettings) -> Stores:
    """Raises SettingsError for what this function was not given."""
    bucket = there(settings.bucket, "LLMANAGER_BUCKET")
    search = there(settings.opensearch, "LLMANAGER_OPENSEARCH")

    def blobs() -> Blobs:
        from llmanager.adapters.aws.clients import client
        from llmanager.adapters.aws.s3_blobs import S3Blobs

        return S3Blobs(client("s3"), bucket)

    def vectors() -> VectorStore:
        from llmanager.adapters.aws.opensearch_store import OpenSearchVectorStore

        return OpenSearchVectorStore(search.url, search.kind)

    return Stores(lazily(blobs), lazily(vectors))
