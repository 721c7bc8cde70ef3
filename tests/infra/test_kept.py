"""What must not be lost, and that no deployment replaces it."""

import pytest

from tests.infra.templates import plain

# Logical ids of what is kept. A changed one makes CloudFormation replace the resource: an empty table in place of a
# full one. They are written here so that nobody changes one by moving or renaming a construct.
KEPT = {
    "TablesRegistry55D7706D": "AWS::DynamoDB::GlobalTable",
    "TablesAuthDFE9A725": "AWS::DynamoDB::GlobalTable",
    "TablesHistory40CCE7D9": "AWS::DynamoDB::GlobalTable",
    "TablesVdb5501EEAF": "AWS::DynamoDB::GlobalTable",
    "TablesFilesDE1A3448": "AWS::DynamoDB::GlobalTable",
    "TablesJobs313634AE": "AWS::DynamoDB::GlobalTable",
    "TablesIngested9067E7CD": "AWS::DynamoDB::GlobalTable",
    "TablesIdempotency498FF680": "AWS::DynamoDB::GlobalTable",
    "BlobsBucket1038ED5D": "AWS::S3::Bucket",
    "AdminKeySecret5875B84E": "AWS::SecretsManager::Secret",
    "GatewayLogsAccountC118124C": "AWS::ApiGateway::Account",
    "GatewayLogsRole815BBDB9": "AWS::IAM::Role",
}


@pytest.fixture
def kept(aws):
    return aws.stacks["Stateful"]["Resources"]


def properties(stage, kind):
    return [resource["Properties"] for resource in stage.of_type(kind).values()]


def test_what_is_kept_keeps_its_logical_ids(kept):
    assert {
        id_: resource["Type"] for id_, resource in kept.items() if resource["Type"] != "AWS::S3::BucketPolicy"
    } == KEPT


def test_everything_kept_outlives_its_stack(kept, aws):
    """But where making it failed: what is left of that would stand in the way of the next try, and holds nothing."""
    for resource in kept.values():
        if resource["Type"] != "AWS::S3::BucketPolicy":
            policies = (resource["DeletionPolicy"], resource["UpdateReplacePolicy"])
            assert policies == ("RetainExceptOnCreate", "Retain")


def test_nothing_is_left_of_the_other_stack(aws):
    policies = {r.get("DeletionPolicy", "Delete") for r in aws.stacks["Service"]["Resources"].values()}
    assert policies == {"Delete"}


def test_there_are_eight_tables_of_one_shape(aws):
    tables = properties(aws, "AWS::DynamoDB::GlobalTable")
    names = {table["TableName"] for table in tables}
    assert names == {
        f"lm-dev-{name}" for name in ("registry", "auth", "history", "vdb", "files", "jobs", "ingested", "idempotency")
    }
    for table in tables:
        assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [
            ("pk", "HASH"),
            ("sk", "RANGE"),
        ]
        assert {a["AttributeType"] for a in table["AttributeDefinitions"]} == {"S"}
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_tables_can_be_restored_are_not_deleted_by_mistake_and_have_a_ceiling(aws):
    for table in properties(aws, "AWS::DynamoDB::GlobalTable"):
        (replica,) = table["Replicas"]
        assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert replica["DeletionProtectionEnabled"] is True
        assert replica["ReadOnDemandThroughputSettings"]["MaxReadRequestUnits"] == 4000
        assert table["WriteOnDemandThroughputSettings"]["MaxWriteRequestUnits"] == 2000


def test_the_bucket_is_private_encrypted_and_keeps_what_is_deleted_for_a_week(aws):
    (bucket,) = properties(aws, "AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    unfinished, incoming = bucket["LifecycleConfiguration"]["Rules"]
    assert unfinished["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert unfinished["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
    assert (incoming["Prefix"], incoming["ExpirationInDays"]) == ("incoming/", 2)
    assert incoming["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}  # each is twice there until then


def test_blobs_queues_and_alarms_are_reached_by_tls_only(aws):
    policies = [
        *properties(aws, "AWS::S3::BucketPolicy"),
        *properties(aws, "AWS::SQS::QueuePolicy"),
        *properties(aws, "AWS::SNS::TopicPolicy"),
    ]
    assert len(policies) == 6
    for policy in policies:
        denials = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in [denial["Condition"] for denial in denials]


def test_the_admins_secret_is_made_without_a_value(aws):
    """One that CloudFormation made up would be taken for the key."""
    (secret,) = properties(aws, "AWS::SecretsManager::Secret")
    assert secret["Name"] == "lm-dev-admin-key"
    assert {"GenerateSecretString", "SecretString"} & secret.keys() == set()


def test_the_emulated_stage_can_be_removed_altogether(emulated):
    policies = {r.get("DeletionPolicy", "Delete") for r in emulated.stacks["Stateful"]["Resources"].values()}
    assert policies == {"Delete"}


def test_two_stages_in_one_account_share_no_name(aws, second_stage):
    names = [set(physical_names(stage)) for stage in (aws, second_stage)]
    assert len(names[0]) == len(names[1]) > 60
    assert names[0] & names[1] == set()


def physical_names(stage):
    """Every property that AWS wants to be unique in an account, as text."""
    for resource in stage.resources.values():
        found = resource.get("Properties", {})
        found = found.get("Budget", found)
        if resource["Type"].startswith("AWS::OpenSearchServerless::"):
            yield f"{resource['Type']} {found.get('Type', '')} {found['Name']}"
        for key in NAMING.get(resource["Type"], ()):
            yield f"{resource['Type']} {plain(found[key])}"


NAMING = {
    "AWS::DynamoDB::GlobalTable": ["TableName"],
    "AWS::S3::Bucket": ["BucketName"],
    "AWS::SecretsManager::Secret": ["Name"],
    "AWS::Lambda::Function": ["FunctionName"],
    "AWS::Logs::LogGroup": ["LogGroupName"],
    "AWS::SQS::Queue": ["QueueName"],
    "AWS::SNS::Topic": ["TopicName"],
    "AWS::Events::Rule": ["Name"],
    "AWS::CloudWatch::Alarm": ["AlarmName"],
    "AWS::CloudWatch::Dashboard": ["DashboardName"],
    "AWS::Budgets::Budget": ["BudgetName"],
}


def test_every_resource_that_can_carries_the_stages_tag(aws):
    untagged = []
    for id_, resource in aws.resources.items():
        tags = resource.get("Properties", {}).get("Tags") or resource.get("Properties", {}).get("Replicas", [{}])[
            0
        ].get("Tags")
        if resource["Type"] in BILLED and {"Key": "llmanager:stage", "Value": "dev"} not in (tags or []):
            untagged.append(id_)
    assert untagged == []


BILLED = {
    "AWS::DynamoDB::GlobalTable",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::Lambda::Function",
    "AWS::SQS::Queue",
    "AWS::Logs::LogGroup",
    "AWS::OpenSearchServerless::Collection",
    "AWS::ApiGateway::RestApi",
}
