from llmanager.kernel.errors import Conflict, Forbidden, NotFound, Throttled, Unauthenticated


class BadKey(Unauthenticated):
    """One text for missing, malformed, unknown, revoked and expired: an attacker learns nothing from it."""

    def __init__(self) -> None:
        super().__init__(
            "The API key is missing, unknown, revoked or expired. Send 'Authorization: Bearer KEY' with a key that "
            "works; './run.sh key create' or POST /auth/keys/create makes one."
        )


class KeyNotFound(NotFound):
    code = "key_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such key. List yours with POST /auth/keys/list.")


class KeyNotLive(Conflict):
    code = "key_not_live"

    def __init__(self) -> None:
        super().__init__("The key is revoked or expired and cannot be rotated. Create a new one.")


class KeyChanged(Conflict):
    code = "key_changed"

    def __init__(self) -> None:
        super().__init__("The key was changed by someone else at the same moment. Look at it again, then rotate it.")


class ScopeNotHeld(Forbidden):
    code = "scope_not_held"

    def __init__(self, scopes: frozenset[str]) -> None:
        super().__init__(
            f"Your key lacks {', '.join(sorted(scopes))}, and a key gets only scopes that its creator holds. "
            "Leave these scopes out, or use a key that has them."
        )


class AdminKeyInTheMaking(Throttled):
    code = "admin_key_in_the_making"

    def __init__(self) -> None:
        super().__init__("Somebody else makes the admin key at this moment. Ask again in a moment.", retry_after_s=2.0)
