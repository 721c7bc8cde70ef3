from llmanager.kernel.errors import Conflict, InvalidInput, NotFound, Throttled


class ModelNotFound(NotFound):
    code = "model_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no model {name!r}. List yours with POST /model/list or GET /v1/models.")


class ModelExists(Conflict):
    code = "model_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"Model {name!r} exists already. Choose another name, or change it with POST /model/update.")


class ModelBeingDeleted(Conflict):
    code = "model_being_deleted"

    def __init__(self, name: str) -> None:
        super().__init__(f"Model {name!r} is being deleted. Create it again once POST /model/status answers 404.")


class TooManyModels(Conflict):
    code = "too_many_models"

    def __init__(self, limit: int) -> None:
        super().__init__(f"This server has {limit} models, which is as many as it may have. Delete one first.")


class WokenTooOften(Throttled):
    code = "woken_too_often"

    def __init__(self, name: str, limit: int, *, retry_after_s: float) -> None:
        super().__init__(
            f"Model {name!r} was woken {limit} times within an hour, and each wake costs money. Let it sleep later "
            "(sleep_after_s), or ask again then.",
            retry_after_s=retry_after_s,
        )


class DoesNotFit(InvalidInput):
    code = "does_not_fit"


class PriceUnknown(InvalidInput):
    code = "price_unknown"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The price of model {name!r} is not known here, so nothing was done. "
            "Look it up with its provider and send accept_unknown_price: true.",
            param="accept_unknown_price",
        )


class FleetFull(Conflict):
    code = "fleet_full"

    def __init__(self, needed: str, cap: str) -> None:
        super().__init__(
            f"All models together could then take up to {needed}; this server's operator allows {cap}, "
            "and no request can go beyond it. A model counts with its scaling.max and what an update starts beside it, "
            "until it is gone. Lower scaling.max, choose a cheaper instance, or delete a model and wait for its end."
        )


class InstanceTypeNotAllowed(InvalidInput):
    code = "instance_type_not_allowed"

    def __init__(self, instance_type: str, allowed: str) -> None:
        super().__init__(
            f"Instance type {instance_type!r} may not be used here. This server's operator allows: {allowed}.",
            param="instance_type",
        )
