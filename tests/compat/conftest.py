"""The server of tests/api; the calls of others' clients against it."""

from tests.api.conftest import api, name

__all__ = ["api", "name"]
