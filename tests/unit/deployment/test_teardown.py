"""What is removed of a stage's data, beyond what CloudFormation removes: it retains all of it."""

import boto3

from tests import aws
from tools.deployment.teardown import remove_kept


def test_nothing_that_bears_a_name_stands_in_the_way_of_the_next_deployment():
    with aws.moto():
        s3, rows, secrets = boto3.client("s3"), boto3.client("dynamodb"), boto3.client("secretsmanager")
        s3.create_bucket(Bucket="blobs")
        s3.put_bucket_versioning(Bucket="blobs", VersioningConfiguration={"Status": "Enabled"})
        for body in (b"old", b"new"):
            s3.put_object(Bucket="blobs", Key="a", Body=body)
        rows.create_table(
            TableName="auth",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=True,
        )
        secret = secrets.create_secret(Name="admin-key")["ARN"]

        remove_kept(
            [
                ("AWS::S3::Bucket", "blobs"),
                ("AWS::S3::BucketPolicy", "blobs-policy"),
                ("AWS::DynamoDB::GlobalTable", "auth"),
                ("AWS::SecretsManager::Secret", secret),
            ],
            lambda _: None,
        )

        assert s3.list_buckets()["Buckets"] == []
        assert rows.list_tables()["TableNames"] == []
        assert secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"] == []
