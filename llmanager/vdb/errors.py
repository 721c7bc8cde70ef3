"""What can go wrong with collections."""

from llmanager.kernel.errors import Conflict, Final, InvalidInput, NotFound, Throttled, TooLarge, Unavailable


class CollectionNotFound(NotFound):
    code = "vdb_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no vector database {name!r}. POST /vdb/list names those there are.")


class CollectionExists(Conflict):
    code = "vdb_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"The vector database {name!r} exists already. Choose another name, or delete it first.")


class TooManyCollections(Conflict):
    code = "too_many_vdbs"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"This server has {limit} vector databases, which is as many as it may have. Delete one first."
        )


class IndexUnknown(NotFound):
    code = "vdb_index_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The vector database {name!r} has one index, which has its name. Leave 'index' out, or give that name."
        )


class BeingRestored(Unavailable):
    code = "vdb_restoring"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The vector database {name!r} is being restored from its segments. Try again in some seconds.",
            retry_after_s=5,
        )


class BeingChanged(Throttled):
    def __init__(self, name: str) -> None:
        super().__init__(f"The vector database {name!r} is being changed. Try again.")


class IndexMissing(Unavailable):
    """Of a store: the index was dropped, or never made. The segments can bring it back."""

    code = "vdb_index_missing"

    def __init__(self) -> None:
        super().__init__("The vector database's index is being made. Try again in a moment.")


class IndexDamaged(Unavailable):
    """Of a store: files of the index are broken or gone. Dropping it and replaying the segments brings it back."""

    code = "vdb_index_damaged"

    def __init__(self) -> None:
        super().__init__("The vector database's index is damaged. Hibernate and restore it: that makes the index anew.")


class WriteUnsettled(Unavailable):
    """Of a store: nobody can say whether the write is visible. Applying it again makes it so."""

    code = "vdb_write_unsettled"

    def __init__(self) -> None:
        super().__init__(
            "The vector database did not say whether the write is done. Send it again: that is safe.", retry_after_s=5.0
        )


class UnknownField(InvalidInput):
    code = "unknown_field"


class DimensionMismatch(InvalidInput):
    code = "dimension_mismatch"


class EmbedderMissing(Conflict):
    code = "embedder_missing"


class EmbedderUnfit(InvalidInput):
    code = "embedder_unfit"


class ItemTooLarge(TooLarge):
    code = "item_too_large"


class WriteTooLarge(TooLarge):
    code = "write_too_large"


class SegmentCorrupt(Final):
    """A checksum of a segment does not match: the blob store changed what was written."""

    code = "segment_corrupt"


class SegmentGone(Unavailable):
    """A compaction merged away what was to be read. The list of segments names what took its place."""

    code = "segment_gone"

    def __init__(self) -> None:
        super().__init__("The vector database's segments were merged meanwhile. Try again.")


class DocumentUnreadable(InvalidInput):
    """Of one document: broken, of an unknown format, or more than its limits. The text says which."""

    code = "document_unreadable"
