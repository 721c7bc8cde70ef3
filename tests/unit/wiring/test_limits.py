from dataclasses import asdict, fields

from llmanager.adapters.aws.sagemaker_upstreams import MAX_BODY_BYTES
from llmanager.adapters.documents import limits as documents
from llmanager.adapters.documents.csv_rows import MAX_COLUMNS
from llmanager.chat import entities as chat
from llmanager.chat.budget import DEFAULT_ANSWER_TOKENS
from llmanager.files import entities as files
from llmanager.gateway.policy import Limits
from llmanager.jobs import entities as jobs
from llmanager.jobs.queueing import FIRST_PAUSE_S, LONGEST_PAUSE_S
from llmanager.models.alarms import LEAVING_AFTER, STARTING_AFTER
from llmanager.models.caps import Caps
from llmanager.models.entities import MAX_EVENTS
from llmanager.models.roster import DRAIN_S
from llmanager.models.scaling import DOWN_AFTER_S
from llmanager.models.usecases.change import WAKES_PER_HOUR
from llmanager.vdb import entities as vdb
from llmanager.vdb.lifecycle import NOTE_EVERY_S
from llmanager.vdb.mmr import MAX_RERANKED
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.ingest import MAX_FAILURES_TOLD
from llmanager.wire import chat as chat_wire
from llmanager.wire import models as models_wire
from llmanager.wiring.aws import directory, leases, one_writer
from llmanager.wiring.aws.idle_indexes import AWAKE_S
from llmanager.wiring.aws.library import RESTORE_WAIT_S
from llmanager.wiring.aws.polling import MAX_WAIT_S
from llmanager.wiring.aws.settings import AwsSettings
from llmanager.wiring.aws.worker import INTERRUPT_S
from llmanager.wiring.serving.limits import limits_of
from llmanager.wiring.serving.one_writer import WAIT_S
from llmanager.wiring.settings import Settings
from tests.api.server import ROOT

KIB, MIB, GIB = 2**10, 2**20, 2**30

# The row of docs/limits.md that tells each limit of the data path, with its value.
ROWS = {
    "max_body_bytes": "| request body | {:.0f} MiB |",
    "max_chat_body_bytes": "| body of a chat on `/v1` | {:.0f} MB |",
    "body_s": "| a request's body to arrive | {:g} s |",
    "first_byte_s": "| first byte of an answer | {:g} s |",
    "gap_s": "| silence within a stream | {:g} s |",
    "total_s": "| one whole answer | {:g} s |",
    "hold_silent_s": "| its silent part | {:g} s |",
    "wake_timeout_s": "| a model's wake, as a request waits for it | {:g} s |",
    "max_waiters": "| waiters of one model | {} |",
    "heartbeat_s": "| silence of an open stream that waits | {:g} s |",
    "max_event_bytes": "| one event of a model server's stream | {:.0f} MB |",
    "max_response_bytes": "| one whole answer of a model's server | {:.0f} MB |",
    "max_retries": "| sending a request again where no server worked on it | {} times;",
    "retry_ratio": "in the long run {:g} of all requests,",
    "retry_burst": "at most {:g} at once |",
}


def test_the_settings_defaults_are_the_data_paths():
    assert limits_of(Settings.from_env({})) == Limits()


def test_the_docs_tell_every_limit_of_the_data_path_with_its_value():
    assert set(ROWS) == {field.name for field in fields(Limits)}
    text = (ROOT / "docs" / "limits.md").read_text()
    for name, value in asdict(Limits()).items():
        unit = {"MiB": 2**20, "MB": 10**6}.get(ROWS[name].removesuffix(" |").rpartition(" ")[2], 1)
        assert ROWS[name].format(value / unit if unit > 1 else value) in text, name


def test_the_docs_tell_the_limits_of_vector_databases_files_jobs_and_documents():
    text, child = (ROOT / "docs" / "limits.md").read_text(), documents.Limits()
    rows = (
        f"| vector databases of a server, hibernated ones too | {max_collections()} |",
        f"| dimensions of a vector | {vdb.MAX_DIM} |",
        f"| a component of a vector | {vdb.MAX_COMPONENT:.0e} ".replace("e+", "e"),
        f"| id of an item | {vdb.MAX_ID_BYTES} bytes |",
        f"| text of an item | {vdb.MAX_TEXT_BYTES // KIB} KiB |",
        f"| metadata of an item | {vdb.MAX_METADATA_BYTES // KIB} KiB as JSON, {vdb.MAX_METADATA_DEPTH} levels deep |",
        f"| items of one write (`/vdb/add`) | {vdb.MAX_ITEMS_AT_ONCE}, {vdb.MAX_BYTES_AT_ONCE // MIB} MiB together |",
        f"| names of metadata in a vector database | {vdb.MAX_FIELDS} of at most {vdb.MAX_FIELD_BYTES} bytes,",
        f"| {vdb.MAX_FILTER_CONDITIONS} conditions, {vdb.MAX_FILTER_DEPTH} levels, {vdb.MAX_FILTER_VALUES} values in",
        f"| query text | {vdb.MAX_QUERY_BYTES // KIB} KiB |",
        f"| `k` of `/vdb/query`; of `/chat` | {vdb.MAX_K}; {chat_wire.MAX_K} |",
        f"| hits that `rerank` compares | {MAX_RERANKED} |",
        f"| question or system text of `/chat` | {chat_wire.MAX_TEXT_CHARS // 1000} 000 characters |",
        f"| the {chat.MAX_TURNS} newest |",
        f"| {DEFAULT_ANSWER_TOKENS} tokens, at most a quarter;",
        f"| an uploaded file | {Settings.from_env({}).max_file_mib} MiB |",
        f"| name of a file | {files.MAX_FILENAME_BYTES} bytes, {files.MAX_PART_BYTES} between two slashes |",
        f"| uploads that are announced and not finished, of a tenant | {files.MAX_OPEN_UPLOADS} |",
        f"| uploads that come in at the same time | {files.MAX_UPLOADS_AT_ONCE} |",
        f"| an upload, from its announcement to its end | {files.UPLOAD_S // 3600} h |",
        f"| jobs of a tenant that are not over | {jobs.MAX_OPEN_JOBS} |",
        f"| a job's payload and result | {jobs.MAX_PAYLOAD_BYTES // KIB} KiB each as JSON |",
        f"| a job whose worker is silent | {jobs.LEASE_S:g} s |",
        f"| {jobs.MAX_ATTEMPTS} tries, {FIRST_PAUSE_S:g} s to {LONGEST_PAUSE_S:g} s apart,",
        f"| a job during which the server ends | {jobs.MAX_DEATHS} times without getting further |",
        f"| a job that is over | {jobs.KEEP_S // 86_400} days |",
        f"| {vdb.MAX_DOCUMENTS // 1000} 000 of at most {vdb.MAX_DOCUMENT_BYTES // GIB} GiB each;",
        f"PDF and Word {child.whole_bytes // MIB} MiB |",
        f"| {child.memory_bytes // GIB} GiB of memory, {child.cpu_s} s of computing,",
        f"{child.silence_s:g} s of silence, {child.text_characters // GIB} Gi characters of text |",
        f"| a Word document, unpacked | {child.unpacked_bytes // MIB} MiB,",
        f"| a line of CSV or JSONL | {documents.MAX_LINE_CHARACTERS // MIB} Mi characters, {MAX_COLUMNS} columns |",
        f"| {vdb.MIN_CHUNK} to {vdb.MAX_CHUNK // 1000} 000 characters; at most half of it |",
        f"| failed documents that a job names | {MAX_FAILURES_TOLD} |",
        f"| {vdb.MAX_OBJECT_BYTES // MIB} MiB, {vdb.MAX_OBJECT_ITEMS // 1000} 000 items; as JSONL any size |",
        f"| a writer's wait for another of the same vector database | {WAIT_S:g} s |",
        f"wait for a vector database that is restored | {field_default(Collections, 'restore_wait_s'):g} s |",
        f"| last use of a vector database | noted every {NOTE_EVERY_S:g} s,",
    )
    assert [row for row in rows if row not in text] == []


def test_the_docs_tell_the_limits_of_models():
    text, settings, caps = (ROOT / "docs" / "limits.md").read_text(), Settings.from_env({}), Caps()
    assert (settings.max_instances, settings.max_usd_per_hour) == (caps.max_instances, caps.max_usd_per_hour)
    assert settings.instance_types is caps.instance_types is None
    rows = (
        f"| models of a server, sleeping ones too | {settings.max_models} |",
        f"| billed instances of all models at worst, sleeping ones too | {caps.max_instances} |",
        f"| cost of all models at worst | {caps.max_usd_per_hour} USD an hour |",
        f"| replicas of a model | {models_wire.MAX_REPLICAS} |",
        f"| events kept of a model | {MAX_EVENTS} |",
        f"| windows of a model's schedule | {models_wire.MAX_WINDOWS} |",
        f"| `env` of a model's container | {models_wire.MAX_ENV} variables of {models_wire.MAX_ENV_CHARS} characters |",
        f"| fewer replicas, once fewer would do | {DOWN_AFTER_S} s |",
        f"| {STARTING_AFTER.seconds // 60} min; {LEAVING_AFTER.seconds // 60} min |",
        f"| wakes of a model whose instances cost money | {WAKES_PER_HOUR} an hour |",
        f"| a new model's idleness | {settings.sleep_after_s} s |",
        f"| open requests when a model is put to sleep or changed | {DRAIN_S:g} s |",
    )
    assert [row for row in rows if row not in text] == []


def test_the_docs_tell_what_differs_on_aws():
    text = (ROOT / "docs" / "limits.md").read_text().partition("## On AWS")[2]
    rows = (
        f"| a request in all | {AwsSettings.from_env({}).answer_within_s:g} s;",
        f"| `wait_s` of create, wake and `/jobs/status` | {MAX_WAIT_S:g} s |",
        f"| a request to SageMaker | {MAX_BODY_BYTES} bytes,",
        f"| age of a route | {directory.MAX_AGE_S:g} s; {directory.STALE_S:g} s while",
        f"until its row is written anew, at most {directory.MISSED_S:g} s |",
        f"| a lease on a model | {leases.LEASE_S:g} s from the last write, renewed with {leases.RENEW_AT_S:g} s left;",
        f"wait for a vector database that is restored | {RESTORE_WAIT_S:g} s |",
        f"| a writer's wait for another of the same vector database | {one_writer.WAIT_S:g} s |",
        f"| a writer who is silent | {one_writer.LEASE_S:g} s, and {one_writer.CLOCK_SKEW_S:g} s for clocks",
        f"| one attempt at a job | until {INTERRUPT_S:g} s before",
        f"| the store of vectors, unused | {AWAKE_S:g} s after",
    )
    assert [row for row in rows if row not in text] == []


def max_collections() -> int:
    return field_default(Collections, "max_collections")


def field_default(cls, name):
    return next(field.default for field in fields(cls) if field.name == name)
