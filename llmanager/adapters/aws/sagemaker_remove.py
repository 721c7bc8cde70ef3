"""Toward less: fewer copies, none, nothing at all, in the only order that AWS accepts. Each step is safe to repeat.

Autoscaling first, for it brings copies back and its target keeps the component from being deleted
(https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-delete-with-scaling.html); then the component, without which
the endpoint can go; the endpoint configs last, for what an endpoint runs on is told only by its config.
"""

from llmanager.adapters.aws import sagemaker_calls as calls
from llmanager.adapters.aws.sagemaker_calls import DIMENSION, NAMESPACE, Clients, ended, scalable_id
from llmanager.adapters.aws.sagemaker_seen import DEAD, DELETING, copies_of


def keep(clients: Clients, resource: str, copies: int) -> None:
    """At most so many copies from now on."""
    target = calls.target(clients, resource)
    if target is not None and target["MinCapacity"] > copies:
        calls.set_range(clients, resource, target, copies, target["MaxCapacity"])
    component = calls.component(clients, resource)
    if component is None:
        return
    seen = copies_of(component)
    if seen.is_broken:
        remove_component(clients, resource)
    elif seen.status != DELETING and seen.desired > copies:
        ended(
            "stop copies",
            clients.sagemaker.update_inference_component_runtime_config,
            InferenceComponentName=resource,
            DesiredRuntimeConfig={"CopyCount": copies},
        )


def park(clients: Clients, resource: str) -> None:
    """Nothing runs. An endpoint without a component has nothing to keep and may hold an instance: it goes."""
    keep(clients, resource, 0)
    endpoint = calls.endpoint(clients, resource)
    if endpoint is None:
        return
    if endpoint["EndpointStatus"] in DEAD or calls.component(clients, resource) is None:
        remove_endpoint(clients, resource)


def remove(clients: Clients, resource: str) -> None:
    """All that can be done now. Called until nothing is seen any more."""
    ended("delete the alarm", clients.cloudwatch.delete_alarms, AlarmNames=[resource])
    remove_component(clients, resource)
    endpoint = calls.endpoint(clients, resource)
    if endpoint is not None and endpoint["EndpointStatus"] != DELETING:
        remove_endpoint(clients, resource)  # refused while it has the component, or is not ready: come again
    if calls.endpoint(clients, resource) is None:
        remove_configs(clients, resource)


def remove_component(clients: Clients, resource: str) -> None:
    """With its autoscaling: the policies go with the target."""
    ended(
        "deregister the scalable target",
        clients.autoscaling.deregister_scalable_target,
        ServiceNamespace=NAMESPACE,
        ResourceId=scalable_id(resource),
        ScalableDimension=DIMENSION,
    )
    call = clients.sagemaker.delete_inference_component
    ended("delete the inference component", call, InferenceComponentName=resource)


def remove_endpoint(clients: Clients, resource: str) -> None:
    ended("delete the endpoint", clients.sagemaker.delete_endpoint, EndpointName=resource)


def remove_configs(clients: Clients, resource: str) -> None:
    call = clients.sagemaker.delete_endpoint_config
    for config in calls.configs_of(clients, resource):
        ended("delete the endpoint config", call, EndpointConfigName=config["EndpointConfigName"])
