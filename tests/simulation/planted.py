"""The planted bugs: docs/simulation.md lists them, `./run.sh simulate --planted` must find each of them."""

from tests.simulation.planted_models import MODEL_BUGS
from tests.simulation.planted_sagemaker import SAGEMAKER_BUGS
from tests.simulation.planted_vdb import VDB_BUGS

PLANTED_BUGS = (*MODEL_BUGS, *SAGEMAKER_BUGS, *VDB_BUGS)
