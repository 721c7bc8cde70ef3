"""`./run.sh local`: one process that serves HTTP, reconciles, and takes its workers with it when it ends."""

import asyncio
import contextlib
import socket
import sys
from importlib.metadata import PackageNotFoundError, version

import uvicorn
from starlette.types import ASGIApp

from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.api.app import Application, control_plane
from llmanager.api.errors import render
from llmanager.api.front import Front
from llmanager.api.metrics import PrometheusMeter, metrics_routes
from llmanager.api.routes.auth import auth_routes
from llmanager.api.routes.history import history_routes
from llmanager.api.routes.models import ModelRoutes
from llmanager.auth.usecases.authenticate import authenticate
from llmanager.gateway.app import Gateway
from llmanager.gateway.policy import Limits
from llmanager.gateway.ports import Keyring
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.ids import random_id
from llmanager.wiring.keyring import CachedKeyring, OpenKeyring
from llmanager.wiring.local.parts import Parts, open_parts
from llmanager.wiring.settings import Settings
