import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.wiring.serving.stopping import Stopping


def test_work_goes_on_until_the_server_stops():
    stopping = Stopping()
    stopping.check()
    stopping.begin()
    with pytest.raises(Unavailable, match="stopping"):
        stopping.check()
