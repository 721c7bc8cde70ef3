"""What a pass may ask of a host, as data."""

from dataclasses import dataclass

from llmanager.models.entities import Tagged


@dataclass(frozen=True)
class StartReplica:
    index: int


@dataclass(frozen=True)
class StopReplica:
    index: int


@dataclass(frozen=True)
class HoldRange:
    """The platform's own autoscaling stays between these from now on."""

    least: int
    most: int


@dataclass(frozen=True)
class Revise:
    """The host replaces its replicas by ones of the newest revision."""


@dataclass(frozen=True)
class Retag:
    """The resource's own tags first, then the row: a crash between them makes it live longer, never forgotten."""

    tagged: Tagged


@dataclass(frozen=True)
class RemoveResource:
    pass


@dataclass(frozen=True)
class ForgetModel:
    """The host holds nothing any more: drop the row. Always the last action."""


Action = StartReplica | StopReplica | HoldRange | Revise | Retag | RemoveResource | ForgetModel


def describe(action: Action) -> str:
    """For people who ask what would be done."""
    match action:
        case StartReplica(index):
            return f"start replica {index}"
        case StopReplica(index):
            return f"stop replica {index}"
        case HoldRange(least, most):
            return f"let the platform scale between {least} and {most}"
        case Revise():
            return "roll the change out, replica by replica"
        case Retag():
            return "renew what its tags say of its end"
        case RemoveResource():
            return "remove everything the host holds for it"
        case ForgetModel():
            return "forget the model"
