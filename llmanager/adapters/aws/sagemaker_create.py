"""Toward running: whatever the next steps are, done as far as AWS lets them be done now. Each is safe to repeat."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from llmanager.adapters.aws import sagemaker_calls as calls
from llmanager.adapters.aws import sagemaker_requests as requests
from llmanager.adapters.aws.errors import AlreadyThere, NotNow, scrubbed
from llmanager.adapters.aws.sagemaker_calls import Answer, Clients, asked, changed
from llmanager.adapters.aws.sagemaker_catalog import Choice
from llmanager.adapters.aws.sagemaker_remove import remove_component, remove_endpoint
from llmanager.adapters.aws.sagemaker_seen import (
    CREATING,
    DEAD,
    DELETING,
    FAILED,
    IN_SERVICE,
    UPDATING,
    Copies,
    copies_of,
)
from llmanager.adapters.aws.sagemaker_tags import listed, rolled, rolled_at
from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import Order

ROLLED_AGAIN_S: Final = 6 * 3600.0  # until a revision that AWS rolled back is tried once more: room may have lacked
SEEN_AFTER_S: Final = 60.0  # by then a description tells of a rollout that began


@dataclass(frozen=True)
class Creation:
    clients: Clients
    role_arn: str
    order: Order
    choice: Choice
    hub_token: str | None = field(default=None, repr=False)

    def go_on(self) -> None:
        """Endpoint, then component, then autoscaling; one that failed is deleted first, and made anew later."""
        endpoint = calls.endpoint(self.clients, self.order.resource)
        if endpoint is None:
            self._make_endpoint()
            return
        if endpoint["EndpointStatus"] in DEAD:
            remove_endpoint(self.clients, self.order.resource)
            return
        if endpoint["EndpointStatus"] != IN_SERVICE:
            return  # on its way: `observe` says when there is something to do
        component = calls.component(self.clients, self.order.resource)
        copies = None if component is None else copies_of(component)
        if copies is not None and copies.is_broken:
            remove_component(self.clients, self.order.resource)
        elif copies is not None and copies.status == DELETING:
            return
        elif self._has_fitting_config(endpoint):
            self._run(copies)

    def revise(self, now: datetime) -> None:
        """A rolling update of what runs; nothing while one is under way, or while there is nothing to update.

        Raises InvalidInput where AWS rolled this revision back: it runs another instance while it tries, and nobody
        sees it fail, for the old copies serve. It is tried anew ROLLED_AGAIN_S after the last time.
        """
        endpoint = calls.endpoint(self.clients, self.order.resource)
        component = calls.component(self.clients, self.order.resource)
        if endpoint is None or component is None or endpoint["EndpointStatus"] != IN_SERVICE:
            return
        copies = copies_of(component)
        if copies.status in (CREATING, UPDATING, DELETING) or copies.revision == self.order.revision:
            return
        arn = component["InferenceComponentArn"]
        begun = rolled_at(calls.tags_of(self.clients, arn), self.order.revision)
        if begun is not None and now < begun + timedelta(seconds=ROLLED_AGAIN_S):
            if now >= begun + timedelta(seconds=SEEN_AFTER_S):
                raise rolled_back(copies)
            return
        if self._has_fitting_config(endpoint):
            self._respecify({})
            note = listed(rolled(self.order.revision, now))
            calls.ended("note the rollout", self.clients.sagemaker.add_tags, ResourceArn=arn, Tags=note)

    def _run(self, copies: Copies | None) -> None:
        if copies is None:
            body = requests.component(self.order, self.choice, self.hub_token)
            changed("create the inference component", self.clients.sagemaker.create_inference_component, **body)
        elif copies.status in (CREATING, UPDATING) and calls.target(self.clients, self.order.resource) is not None:
            return  # more copies, if need be, when it has settled
        if not self._scale_between(is_created=copies is None):
            return
        if copies is not None:
            self._add_copies(copies)
        self._set_policies()

    def _add_copies(self, copies: Copies) -> None:
        is_enough = copies.desired >= self.order.replicas and copies.status != FAILED
        if is_enough or copies.status in (CREATING, UPDATING):
            return
        if copies.current == copies.desired == 0 and copies.revision != self.order.revision:
            self._respecify({"RuntimeConfig": {"CopyCount": self.order.replicas}})  # nothing runs: both at once
            return
        changed(
            "start copies",
            self.clients.sagemaker.update_inference_component_runtime_config,
            InferenceComponentName=self.order.resource,
            DesiredRuntimeConfig={"CopyCount": max(copies.desired, self.order.replicas)},
        )

    def _respecify(self, more: Answer) -> None:
        body = requests.new_specification(self.order, self.choice, self.hub_token)
        changed("update the inference component", self.clients.sagemaker.update_inference_component, **body, **more)

    def _make_endpoint(self) -> None:
        config = self._made_config()
        body = requests.endpoint(self.order, config)
        changed("create the endpoint", self.clients.sagemaker.create_endpoint, **body)

    def _made_config(self) -> str:
        """The name of an endpoint config that serves the order. One left by an earlier try may say something else."""
        call = self.clients.sagemaker.create_endpoint_config
        name = self.order.resource
        try:
            asked("create the endpoint config", call, **self._config(name))
        except AlreadyThere:
            old = calls.config(self.clients, name)
            if old is None:
                raise NotNow("AWS does not show the model's endpoint config yet. It is tried again.") from None
            if not requests.config_serves(old, self.choice, self.order):
                return self._made_other_config()
        return name

    def _made_other_config(self) -> str:
        name = requests.config_name(self.order, self.choice)
        changed("create the endpoint config", self.clients.sagemaker.create_endpoint_config, **self._config(name))
        return name

    def _config(self, name: str) -> Answer:
        return requests.endpoint_config(name, self.order, self.choice, self.role_arn)

    def _has_fitting_config(self, endpoint: Answer) -> bool:
        """Another instance type or more instances need another config: AWS moves the endpoint over by itself."""
        config = calls.config(self.clients, endpoint["EndpointConfigName"])
        if config is not None and requests.config_serves(config, self.choice, self.order):
            return True
        changed(
            "update the endpoint",
            self.clients.sagemaker.update_endpoint,
            EndpointName=self.order.resource,
            EndpointConfigName=self._made_other_config(),
        )
        return False

    def _scale_between(self, *, is_created: bool) -> bool:
        """False: AWS does not take the target yet, for it does not know the component well enough."""
        known = None if is_created else calls.target(self.clients, self.order.resource)
        if known is not None and known["MaxCapacity"] == requests.most_copies(self.order):
            return True
        body = requests.target(self.order, held=None if known is None else known["MinCapacity"])
        try:
            changed("register the scalable target", self.clients.autoscaling.register_scalable_target, **body)
        except NotNow:
            return False
        return True

    def _set_policies(self) -> None:
        put = self.clients.autoscaling.put_scaling_policy
        changed("set the scaling policy", put, **requests.tracking_policy(self.order))
        wake = changed("set the wake policy", put, **requests.wake_policy(self.order))
        if wake is not None:
            body = requests.wake_alarm(self.order, wake["PolicyARN"])
            changed("set the wake alarm", self.clients.cloudwatch.put_metric_alarm, **body)


def rolled_back(copies: Copies) -> InvalidInput:
    reason = scrubbed(copies.failure) or "AWS gave no reason."
    return InvalidInput(
        f"SageMaker went back to the model as it was before the update: {reason} The old one serves. Change the model "
        "again; as it is, the update is tried anew in some hours."
    )
