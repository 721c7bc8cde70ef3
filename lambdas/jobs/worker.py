"""SQS's messages that there is a job to do."""

from llmanager.wiring.aws.handling import left_s, logged
from llmanager.wiring.aws.house import house
from llmanager.wiring.aws.working import worker

_house = house()
_worker = worker(_house)
handler = logged(lambda event, context: _worker.serve(event, left_s(context)), _house.settings.common.log_level)
