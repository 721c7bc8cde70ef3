import pytest
from moto import mock_aws

from tests.lambdas.stack import Stack


@pytest.fixture
def stack(monkeypatch):
    with mock_aws():
        stack = Stack(monkeypatch)
        yield stack
        stack.close()
