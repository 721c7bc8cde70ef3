"""POST /vdb/*: requests and answers, but for /vdb/embed. Durations in seconds, times RFC 3339.

`index` is taken wherever a client of the Lambda form sends it: a vector database has one index, named as itself.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from llmanager.kernel.pages import MAX_PAGE
from llmanager.wire.base import Cursor, Lifetime, Limit, Name, Request, Response, Time

Metric = Literal["cosine", "l2", "dot"]
Mode = Literal["vector", "text", "hybrid"]
Metadata = dict[str, Any]
Vector = Annotated[list[FiniteFloat], Field(min_length=1)]
Source = Annotated[str, Field(min_length=1, max_length=2048)]

_SPACES: dict[str, Metric] = {"l2": "l2", "cosinesimil": "cosine", "innerproduct": "dot"}


class CreateVdb(Request):
    name: Name
    model: Name | None = Field(None, description="the embedder; else the first write that names one tells it")
    dim: Annotated[int, Field(ge=1)] | None = Field(None, description="else the first vectors tell it")
    metric: Metric = "cosine"
    store: Literal["lancedb", "opensearch"] | None = Field(None, description="the platform has one; else it is meant")
    hybrid: bool = Field(True, description="texts can be searched too, by BM25")
    sleep_after_s: Lifetime | None = None
    delete_after_s: Lifetime | None = None
    ttl_s: Lifetime | None = None
    dry_run: bool = False


class NamedVdb(Request):
    name: Name


class OfIndex(NamedVdb):
    index: Name | None = Field(None, description="the same as `name`, if given at all")


class Document(Request):
    """As LangChain writes one, or with `text`."""

    id: str | None = None
    text: str | None = None
    page_content: str | None = None
    metadata: Metadata = Field(default_factory=dict)
    type: Literal["Document"] = "Document"

    @model_validator(mode="after")
    def _has_one_text(self) -> Self:
        if (self.text is None) == (self.page_content is None):
            raise PydanticCustomError("one_text", "A document has 'text' or 'page_content'.")
        return self

    @property
    def content(self) -> str:
        return self.page_content or self.text or ""


class AddItems(OfIndex):
    """Items (texts, documents or vectors), or `src`: a file of embedded data that a job loads."""

    model: Name | None = None
    texts: list[str] | None = None
    metadata: list[Metadata] | None = None
    ids: list[str] | None = None
    documents: list[Document] | None = None
    vectors: list[Vector] | None = Field(None, description="one an item, in place of embedding its text")
    src: Source | None = None
    s3_src_bucket: Source | None = None
    s3_src_key: Source | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        if (self.s3_src_bucket is None) != (self.s3_src_key is None):
            raise PydanticCustomError("s3_pair", "Give 's3_src_bucket' and 's3_src_key' together.")
        has_items = (self.texts, self.documents, self.vectors) != (None, None, None)
        if has_items + (self.src is not None) + (self.s3_src_key is not None) != 1:
            raise PydanticCustomError("one_form", "Give one of 'texts', 'documents', 'vectors' and 'src'.")
        if not has_items and (self.metadata, self.ids, self.model) != (None, None, None):
            raise PydanticCustomError("job_form", "'metadata', 'ids' and 'model' go with items, not with 'src'.")
        if self.documents is not None and (self.texts, self.metadata, self.ids) != (None, None, None):
            raise PydanticCustomError("documents", "A document has its own text, metadata and id.")
        return self

    @model_validator(mode="after")
    def _is_as_long_everywhere(self) -> Self:
        lists = {name: getattr(self, name) for name in ("texts", "documents", "vectors", "metadata", "ids")}
        counts = {name: len(given) for name, given in lists.items() if given is not None}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{count} {name}" for name, count in counts.items())
            raise PydanticCustomError("counts", "There must be as many of each: {told}.", {"told": told})
        return self

    @property
    def source(self) -> str | None:
        """What a job is to load."""
        return f"s3://{self.s3_src_bucket}/{self.s3_src_key}" if self.s3_src_key else self.src

    @property
    def count(self) -> int:
        return len(self.texts or self.documents or self.vectors or ())


class AddIndex(OfIndex):
    """Tells the dimensions before the first write does. An index makes itself, so this is rarely needed."""

    dim: Annotated[int, Field(ge=1)] | None = None
    idx_body: dict[str, Any] | None = Field(None, description="as OpenSearch takes it; its first vector field counts")

    @model_validator(mode="after")
    def _tells_the_dimensions(self) -> Self:
        if (self.dim is None) == (self.idx_body is None):
            raise PydanticCustomError("one_form", "Give 'dim', or 'idx_body'.")
        if self.idx_body is not None and not (isinstance(self.dimensions, int) and self.dimensions > 0):
            raise PydanticCustomError("no_field", "'idx_body' has no vector field with a 'dimension'.")
        return self

    @property
    def dimensions(self) -> int:
        return self.dim or self._field.get("dimension", 0)

    @property
    def metric(self) -> Metric | None:
        """None where none is told, or one that is not among ours."""
        method = self._field.get("method")
        return _SPACES.get(str(method.get("space_type"))) if isinstance(method, dict) else None

    @property
    def _field(self) -> Mapping[str, Any]:
        return next(_vector_fields(self.idx_body or {}), {})


class QueryVdb(OfIndex):
    query: str | None = None
    vector: Vector | None = None
    k: int = 10
    filter: dict[str, Any] | None = None
    mode: Mode | None = Field(None, description="hybrid, if nothing speaks against it")
    rerank: Literal["mmr"] | None = None
    model: Name | None = Field(None, description="the embedder that it has, or gets by this")


class GetItems(OfIndex):
    """By id, in the order asked for; or without `ids` all of them, page by page."""

    ids: Annotated[list[str], Field(min_length=1, max_length=MAX_PAGE)] | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


class DeleteItems(OfIndex):
    ids: list[str] | None = None
    filter: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise PydanticCustomError("one_form", "Give 'ids', or 'filter'.")
        if self.filter == {}:
            raise PydanticCustomError("empty", "An empty 'filter' is met by every item. Delete the vector database.")
        return self


class ListVdbs(Request):
    limit: Limit = 100
    cursor: Cursor | None = None


class Plan(Response):
    actions: tuple[str, ...]
    store: str
    usd_per_hour: str
    usd_per_month: str


class Planned(Response):
    plan: Plan


class Vdb(Response):
    name: str
    status: str
    is_up: bool
    dim: int | None
    metric: str
    model: str | None
    hybrid: bool
    store: str
    created_at: Time
    last_used_at: Time | None
    sleeps_at: Time | None
    deletes_at: Time | None
    expires_at: Time | None


class Event(Response):
    at: Time
    what: str
    why: str


class VdbStatus(Vdb):
    count: int
    bytes: int
    segments: int
    events: list[Event]


class VdbList(Response):
    vdbs: list[Vdb]
    cursor: str | None


class Added(Response):
    added: int
    ids: list[str]


class Result(Response):
    id: str
    text: str
    score: float
    metadata: Metadata
    source: str


class Results(Response):
    """`data` holds the texts alone."""

    data: list[str]
    results: list[Result]


class Item(Response):
    id: str
    text: str
    metadata: Metadata
    source: str


class ItemList(Response):
    items: list[Item]
    cursor: str | None


class ItemsDeleted(Response):
    deleted: int


class Deleted(Response):
    name: str
    status: Literal["deleted"] = "deleted"


def _vector_fields(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    mappings = body.get("mappings")
    properties = mappings.get("properties") if isinstance(mappings, dict) else None
    for field in (body, *(properties.values() if isinstance(properties, dict) else ())):
        if isinstance(field, dict) and "dimension" in field:
            yield field
