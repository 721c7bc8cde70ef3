"""The OpenSearch Serverless collection of a stage, in a group of its own that sleeps at no cost and has a ceiling.

Its indexes are derived from segments in the bucket, so it may be destroyed and made anew at any time.
"""

import json
from collections.abc import Mapping

from aws_cdk import aws_opensearchserverless as aoss
from constructs import Construct

from infra import names
from infra.constructs.function import Function, json_of
from infra.grants import Grant
from infra.options import Options

ON_INDEXES = (
    "aoss:CreateIndex",
    "aoss:UpdateIndex",
    "aoss:DeleteIndex",
    "aoss:DescribeIndex",
    "aoss:ReadDocument",
    "aoss:WriteDocument",
)
MAX_OCU = 4  # of each, searching and indexing; the minimum is 0


class Vectors(Construct):
    def __init__(self, scope: Construct, identifier: str, options: Options) -> None:
        super().__init__(scope, identifier)
        self._name = names.collection(options.stage)
        self.group = aoss.CfnCollectionGroup(
            self,
            "Group",
            name=self._name,
            description=f"LLManager {options.stage}",
            generation="NEXTGEN",
            standby_replicas="ENABLED",
            capacity_limits=aoss.CfnCollectionGroup.CapacityLimitsProperty(
                min_search_capacity_in_ocu=0,
                max_search_capacity_in_ocu=MAX_OCU,
                min_indexing_capacity_in_ocu=0,
                max_indexing_capacity_in_ocu=MAX_OCU,
            ),
        )
        about = [{"ResourceType": "collection", "Resource": [f"collection/{self._name}"]}]
        encryption = self._policy("Encryption", {"Rules": about, "AWSOwnedKey": True})
        network = self._policy("Network", [{"Rules": about, "AllowFromPublic": True}])
        self.collection = aoss.CfnCollection(
            self,
            "Collection",
            name=self._name,
            type="VECTORSEARCH",
            description=f"LLManager {options.stage}: indexes derived from segments in the bucket",
            collection_group_name=self._name,
            standby_replicas="ENABLED",
        )
        for needed in (self.group, encryption, network):
            self.collection.add_resource_dependency(needed)

    @property
    def url(self) -> str:
        return str(self.collection.attr_collection_endpoint)

    def _policy(self, kind: str, policy: object) -> aoss.CfnSecurityPolicy:
        return aoss.CfnSecurityPolicy(
            self, kind, name=self._name, type=kind.lower(), policy=json.dumps(policy, separators=(",", ":"))
        )

    def open_to(self, users: Mapping[str, Function]) -> None:
        """IAM lets these functions in; the data policy says that every index of this collection is theirs, no other."""
        for function in users.values():
            function.allow(Grant(("aoss:APIAccessAll",), [self.collection.attr_arn]))
        rule = {"ResourceType": "index", "Resource": [f"index/{self._name}/*"], "Permission": list(ON_INDEXES)}
        statement = {"Rules": [rule], "Principal": [function.role.role_arn for function in users.values()]}
        policy = aoss.CfnAccessPolicy(self, "Access", name=self._name, type="data", policy=json_of(self, [statement]))
        policy.add_resource_dependency(self.collection)
