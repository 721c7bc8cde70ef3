"""SageMaker's host with no more power than a function's role has, so that code and role refuse the same.

Loaded only where a SageMaker host is made: it brings boto3.
"""

from typing import NoReturn

from llmanager.adapters.aws.sagemaker_host import SageMakerModelHost
from llmanager.kernel.errors import Unavailable
from llmanager.models.entities import Order, Tags


class EndingHost(SageMakerModelHost):
    """For the reaper: it stops, parks, tags and removes; what starts or renews anything is the reconciler's."""

    def start(self, order: Order, replica: int) -> NoReturn:
        raise _left("start")

    def revise(self, order: Order) -> NoReturn:
        raise _left("change")


class LookingHost(SageMakerModelHost):
    """For who answers requests: it quotes and observes. What is decided there stands in the row, and the reconciler,
    who was told, does it; what nobody's row tells of is the reaper's."""

    def start(self, order: Order, replica: int) -> None:
        """Left to the reconciler."""

    def stop(self, resource: str, replica: int) -> None:
        """Left to the reconciler."""

    def park(self, resource: str) -> None:
        """Left to the reconciler."""

    def revise(self, order: Order) -> None:
        """Left to the reconciler."""

    def hold_range(self, resource: str, least: int, most: int) -> None:
        """Left to the reconciler."""

    def retag(self, resource: str, tags: Tags) -> NoReturn:
        raise _left("tag")  # a row must not say that a tag was renewed that was not

    def remove(self, resource: str) -> None:
        """Left to the reconciler, or to the reaper."""


def _left(what: str) -> Unavailable:
    return Unavailable(f"This function may not {what} a model; the reconciler does it with its next pass.")
