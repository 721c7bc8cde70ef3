"""The version that the API's document tells."""

from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    try:
        return version("llmanager")
    except PackageNotFoundError:  # runs from a checkout, or from a function's package
        return "0.1.0"
