"""What may be asked of SageMaker and its neighbours, by role: look, take away, make.

Every name begins with lm-<stage>- and everything is made with the stage's tag; ARNs of SageMaker are in lower case.
Where AWS knows no resource (lists, metrics) `*` is all there is.
"""

from typing import Any, Final

from infra.grants import Grant, Place
from infra.names import STAGE_TAG

LISTED: Final = "lists and metrics have no resource in IAM; they only read"
NAMED: Final = "models are made while running, under the stage's prefix"
KINDS: Final = ("endpoint", "endpoint-config", "inference-component")
PAYS_AS: Final = "sagemaker"
SCALING_ROLE: Final = (
    "role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


def _of(place: Place, *kinds: str) -> list[str]:
    return [place.arn("sagemaker", f"{kind}/lm-{place.stage}-*") for kind in kinds]


def _alarm(place: Place) -> str:
    return place.arn("cloudwatch", f"alarm:lm-{place.stage}-*")


def _autoscaling_alarm(place: Place) -> str:
    """Those that target tracking makes for itself; their names begin with what they belong to."""
    return place.arn("cloudwatch", f"alarm:TargetTracking-inference-component/lm-{place.stage}-*")


def _targets(place: Place) -> list[str]:
    return [place.arn("application-autoscaling", "scalable-target/*")]


def _tagged(place: Place, where: str = "ResourceTag") -> dict[str, Any]:
    return {f"aws:{where}/{STAGE_TAG}": place.stage}


def _namespace() -> dict[str, Any]:
    return {"application-autoscaling:service-namespace": PAYS_AS}


def look(place: Place) -> tuple[Grant, ...]:
    return (
        Grant(
            (
                "sagemaker:DescribeEndpoint",
                "sagemaker:DescribeEndpointConfig",
                "sagemaker:DescribeInferenceComponent",
                "sagemaker:ListTags",
            ),
            _of(place, *KINDS),
            why_wildcard=NAMED,
        ),
        Grant(
            (
                "sagemaker:ListEndpoints",
                "sagemaker:ListEndpointConfigs",
                "sagemaker:ListInferenceComponents",
                "application-autoscaling:DescribeScalableTargets",
                "cloudwatch:DescribeAlarms",
                "cloudwatch:GetMetricData",
                "tag:GetResources",
            ),
            ["*"],
            why_wildcard=LISTED,
        ),
        Grant(("cloudwatch:ListTagsForResource",), [_alarm(place)], why_wildcard=NAMED),
    )


def take_away(place: Place) -> tuple[Grant, ...]:
    """Toward less: copies to none, floors down, everything deleted, tags renewed. Nothing here makes anything."""
    return (
        *look(place),
        Grant(
            (
                "sagemaker:UpdateInferenceComponentRuntimeConfig",
                "sagemaker:DeleteInferenceComponent",
                "sagemaker:DeleteEndpoint",
                "sagemaker:DeleteEndpointConfig",
            ),
            _of(place, *KINDS),
            {"StringEquals": _tagged(place)},
            why_wildcard=NAMED,
        ),
        Grant(
            ("application-autoscaling:DeregisterScalableTarget",),
            _targets(place),
            {"StringEquals": _namespace()},
            why_wildcard="the ids of scalable targets are AWS's own",
        ),
        Grant(
            ("application-autoscaling:RegisterScalableTarget",),  # of one that is there: its floor goes down
            _targets(place),
            {"StringEquals": _namespace() | _tagged(place)},
            why_wildcard="the ids of scalable targets are AWS's own",
        ),
        Grant(("cloudwatch:DeleteAlarms",), [_alarm(place), _autoscaling_alarm(place)], why_wildcard=NAMED),
    )


def retag(place: Place) -> tuple[Grant, ...]:
    return (
        Grant(
            ("sagemaker:AddTags",),
            _of(place, *KINDS),
            {"StringEqualsIfExists": _tagged(place, "RequestTag")},
            why_wildcard=NAMED,
        ),
        Grant(("cloudwatch:TagResource",), [_alarm(place)], why_wildcard=NAMED),
    )


def make(place: Place, execution_role_arn: str) -> tuple[Grant, ...]:
    return (
        Grant(
            ("sagemaker:CreateEndpoint", "sagemaker:CreateEndpointConfig", "sagemaker:CreateInferenceComponent"),
            _of(place, *KINDS),
            {"StringEquals": _tagged(place, "RequestTag")},
            why_wildcard=NAMED,
        ),
        Grant(
            ("sagemaker:UpdateEndpoint", "sagemaker:UpdateInferenceComponent"),
            _of(place, *KINDS),
            {"StringEquals": _tagged(place)},
            why_wildcard=NAMED,
        ),
        Grant(
            ("iam:PassRole",),
            [execution_role_arn],
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        Grant(
            ("application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource"),
            _targets(place),
            {"StringEquals": _tagged(place, "RequestTag")},
            why_wildcard="the ids of scalable targets are AWS's own",
        ),
        Grant(
            ("application-autoscaling:PutScalingPolicy",),
            _targets(place),
            {"StringEquals": _namespace()},
            why_wildcard="the ids of scalable targets are AWS's own",
        ),
        Grant(("cloudwatch:PutMetricAlarm",), [_alarm(place), _autoscaling_alarm(place)], why_wildcard=NAMED),
        Grant(
            ("iam:CreateServiceLinkedRole",),
            [f"arn:{place.partition}:iam::{place.account}:{SCALING_ROLE}"],
            {"StringEquals": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}},
        ),
    )


def nowhere_else(place: Place) -> Grant:
    """Said as a denial, so that no later grant lifts it: nothing is made in another region, where no sweep looks."""
    return Grant(
        (
            "sagemaker:CreateEndpoint",
            "sagemaker:CreateEndpointConfig",
            "sagemaker:CreateInferenceComponent",
            "sagemaker:UpdateEndpoint",
            "sagemaker:UpdateInferenceComponent",
            "application-autoscaling:RegisterScalableTarget",
        ),
        ["*"],
        {"StringNotEquals": {"aws:RequestedRegion": place.region}},
        why_wildcard="a denial: everywhere is what it is about",
        denies=True,
    )


def limit_logs(place: Place) -> tuple[Grant, ...]:
    """SageMaker makes its log groups without an end; they can be given one, and neither read nor deleted."""
    families = ("Endpoints", "InferenceComponents")
    return (
        Grant(
            ("logs:DescribeLogGroups",),
            ["*"],
            why_wildcard="IAM knows no prefix here: a list is a question about all groups; it only reads their names",
        ),
        Grant(
            ("logs:PutRetentionPolicy",),
            [place.arn("logs", f"log-group:/aws/sagemaker/{family}/lm-{place.stage}-*") for family in families],
            why_wildcard=NAMED,
        ),
    )


def ask_models(place: Place) -> tuple[Grant, ...]:
    return (
        Grant(
            ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"),
            _of(place, "endpoint", "inference-component"),
            why_wildcard=NAMED,
        ),
        Grant(
            ("sagemaker:CallWithBearerToken",),
            ["*"],
            why_wildcard="the OpenAI path's token has no resource in IAM; InvokeEndpoint says what it opens",
        ),
    )
