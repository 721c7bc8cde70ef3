"""What only the functions on AWS are told."""

import pytest

from llmanager.wiring.aws.settings import AwsSettings, OpenSearch, there
from llmanager.wiring.values import SettingsError

WHOLE = {
    "LLMANAGER_STAGE": "prod",
    "LLMANAGER_TABLES": '{"registry": "lm-prod-registry"}',
    "LLMANAGER_BUCKET": "lm-prod-blobs",
    "LLMANAGER_OPENSEARCH": '{"url": "https://abc.us-east-1.aoss.amazonaws.com/", "kind": "serverless"}',
    "LLMANAGER_RECONCILE_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/lm-prod-reconcile",
}


def test_what_a_stack_tells_is_read():
    settings = AwsSettings.from_env(WHOLE)
    assert settings.common.stage == "prod"
    assert settings.table_name("registry") == "lm-prod-registry"
    assert settings.opensearch == OpenSearch("https://abc.us-east-1.aoss.amazonaws.com", "serverless")
    assert there(settings.reconcile_queue, "X").endswith("/lm-prod-reconcile")


def test_a_function_that_was_told_nothing_starts_and_names_what_it_misses_when_it_needs_it():
    settings = AwsSettings.from_env({})
    with pytest.raises(SettingsError, match=r"LLMANAGER_BUCKET is needed .* Deploy again"):
        there(settings.bucket, "LLMANAGER_BUCKET")
    with pytest.raises(SettingsError, match=r"LLMANAGER_TABLES names no table for 'history'"):
        settings.table_name("history")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LLMANAGER_TABLES", "lm-dev-registry"),
        ("LLMANAGER_TABLES", '["lm-dev-registry"]'),
        ("LLMANAGER_TABLES", '{"registry": 1}'),
        ("LLMANAGER_TABLES", '{"registry": "a table"}'),
        ("LLMANAGER_OPENSEARCH", "https://example.com"),
        ("LLMANAGER_OPENSEARCH", '{"url": "https://example.com"}'),
        ("LLMANAGER_OPENSEARCH", '{"url": "https://example.com", "kind": "free"}'),
        ("LLMANAGER_OPENSEARCH", '{"url": "ftp://example.com", "kind": "open"}'),
        ("LLMANAGER_OPENSEARCH", '{"url": 1, "kind": "open"}'),
        ("LLMANAGER_JOBS_QUEUE_URL", "jobs"),
        ("LLMANAGER_STAGE", "Production"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=name):
        AwsSettings.from_env({**WHOLE, name: value})
