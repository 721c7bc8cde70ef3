"""What is too large for rows: blobs in S3, indexes in OpenSearch. Connects with the first use."""

from dataclasses import dataclass

from llmanager.files.ports import DirectUploads
from llmanager.kernel.blobs import Blobs
from llmanager.kernel.clock import Clock
from llmanager.vdb.ports import VectorStore
from llmanager.wiring.aws.clients import clients
from llmanager.wiring.aws.settings import AwsSettings, there
from llmanager.wiring.serving.lazy import lazily


@dataclass(frozen=True)
class Stores:
    blobs: Blobs
    vectors: VectorStore
    uploads: DirectUploads | None = None  # None: they come to us


def stores_of(settings: AwsSettings, clock: Clock) -> Stores:
    """Raises SettingsError for what this function was not given."""
    bucket = there(settings.bucket, "LLMANAGER_BUCKET")
    search = there(settings.opensearch, "LLMANAGER_OPENSEARCH")

    def blobs() -> Blobs:
        from llmanager.adapters.aws.s3_blobs import S3Blobs

        return S3Blobs(clients().s3, bucket)

    def uploads() -> DirectUploads:
        from llmanager.adapters.aws.s3_uploads import S3Uploads

        return S3Uploads(clients().s3, bucket)

    def vectors() -> VectorStore:
        from llmanager.adapters.aws.opensearch_kind import Kind
        from llmanager.adapters.aws.opensearch_session import connected_store

        return connected_store(search.url, Kind(search.kind), settings.common.stage, clock)

    return Stores(lazily(blobs), lazily(vectors), lazily(uploads))
