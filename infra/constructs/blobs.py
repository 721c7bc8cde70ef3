"""The bucket of blobs: uploads, long messages, and the segments that vector indexes are derived from."""

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra import names
from infra.options import Options
from infra.review import accept

KEPT_AFTER_DELETION = Duration.days(7)


class Blobs(Construct):
    def __init__(self, scope: Construct, identifier: str, options: Options) -> None:
        super().__init__(scope, identifier)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=names.bucket(options.stage, Aws.ACCOUNT_ID, options.region),
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="unfinished",
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                    noncurrent_version_expiration=KEPT_AFTER_DELETION,
                    expired_object_delete_marker=True,
                ),
                # An upload that nobody took in: its address ended long ago. One that was taken in is a blob by now.
                s3.LifecycleRule(
                    id="incoming",
                    prefix="incoming/",
                    expiration=Duration.days(2),
                    noncurrent_version_expiration=Duration.days(1),
                ),
            ],
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if options.is_aws else RemovalPolicy.DESTROY,
        )
        accept(
            self.bucket,
            {
                "AwsSolutions-S1": "Only the functions' own roles read and write here, and what they do is in "
                "their logs; a bucket of access logs would cost more than what it tells."
            },
        )
