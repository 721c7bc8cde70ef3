"""What every Queue must do. An adapter joins in tests/contracts/queues.py."""

import pytest

from llmanager.kernel.errors import TooLarge
from llmanager.kernel.queues import MAX_MESSAGE_BYTES
from tests.contracts.queues import ADAPTERS


@pytest.fixture(params=ADAPTERS)
def queue_and_arrived(request):
    with ADAPTERS[request.param]() as queue_and_arrived:
        yield queue_and_arrived


@pytest.mark.parametrize("message", [{"tenant": "a", "name": "héllo 🦙\n<&"}, {}, {"x": "y" * 200_000}])
def test_a_message_arrives_as_it_was_sent(queue_and_arrived, message):
    queue, arrived = queue_and_arrived
    queue.send(message)
    assert arrived() == [message]


@pytest.mark.parametrize("delay_s", [0.001, 5, 900, 100_000])
def test_a_delayed_message_is_taken_and_not_there_yet(queue_and_arrived, delay_s):
    queue, arrived = queue_and_arrived
    queue.send({"name": "later"}, delay_s=delay_s)
    assert arrived() == []


@pytest.mark.parametrize("delay_s", [0, -1.5])
def test_a_message_for_now_is_there_at_once(queue_and_arrived, delay_s):
    queue, arrived = queue_and_arrived
    queue.send({"name": "now"}, delay_s=delay_s)
    assert arrived() == [{"name": "now"}]


def test_too_large_a_message_is_refused(queue_and_arrived):
    queue, arrived = queue_and_arrived
    with pytest.raises(TooLarge):
        queue.send({"x": "y" * MAX_MESSAGE_BYTES})
    assert arrived() == []
