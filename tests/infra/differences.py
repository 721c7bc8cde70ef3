"""The reviewed list: in what the emulated stage's templates differ from the real one's, and why. Nothing else may.

A path is resource type, then property, then what is within it. "absent": the emulated stage has no such resource.
"""

ABSENT = {
    "AWS::OpenSearchServerless::CollectionGroup": "a type the emulator lacks; a real OpenSearch stands in for it",
    "AWS::OpenSearchServerless::Collection": "as above",
    "AWS::OpenSearchServerless::SecurityPolicy": "as above",
    "AWS::OpenSearchServerless::AccessPolicy": "as above",
    "AWS::Budgets::Budget": "there is no bill to watch",
}

DIFFERENT = {
    # The emulator runs functions with its own interpreter, on this machine.
    "AWS::Lambda::Function Runtime": "python3.13 there, 3.11 here",
    "AWS::Lambda::Function Architectures": "arm64 there, x86_64 here",
    # The Web Adapter's layer is absent, so chat answers in one piece, within API Gateway's time.
    "AWS::Lambda::Function[chat] Handler": "the Web Adapter's script there, an event handler here",
    "AWS::Lambda::Function[chat] Layers": "the Web Adapter",
    "AWS::Lambda::Function[chat] Timeout": "900 s there, 29 s here",
    "AWS::Lambda::Function[chat] Environment": "the Web Adapter's settings, and where vectors are",
    "AWS::ApiGateway::Method Integration": "chat streams there",
    "AWS::Lambda::Function[reconciler] RecursiveLoop": "Lambda looks for loops there",
    "AWS::Lambda::Function[worker] RecursiveLoop": "as above",
    # A real OpenSearch without signatures stands for the collection.
    "AWS::Lambda::Function[vdb] Environment": "where vectors are",
    "AWS::Lambda::Function[worker] Environment": "where vectors are",
    "AWS::Lambda::Function[reaper] Environment": "where vectors are",
    "AWS::IAM::Policy PolicyDocument": "the right to call the collection",
    # An emulated stage is thrown away as a whole.
    "AWS::DynamoDB::GlobalTable DeletionPolicy": "kept there",
    "AWS::DynamoDB::GlobalTable UpdateReplacePolicy": "kept there",
    "AWS::DynamoDB::GlobalTable Replicas": "protected from deletion there",
    "AWS::S3::Bucket DeletionPolicy": "kept there",
    "AWS::S3::Bucket UpdateReplacePolicy": "kept there",
    "AWS::SecretsManager::Secret DeletionPolicy": "kept there",
    "AWS::SecretsManager::Secret UpdateReplacePolicy": "kept there",
    "AWS::IAM::Role DeletionPolicy": "API Gateway's, for access logs: kept there",
    "AWS::IAM::Role UpdateReplacePolicy": "as above",
    "AWS::ApiGateway::Account DeletionPolicy": "as above",
    "AWS::ApiGateway::Account UpdateReplacePolicy": "as above",
    # A deployment of API Gateway is named after what it deploys, which differs by the above.
    "AWS::ApiGateway::Stage DeploymentId": "named after the methods",
}
