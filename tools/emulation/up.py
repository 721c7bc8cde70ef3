"""`emulate`: whatever is not up is started, then deployed into. Done again, it brings what is there up to date."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

import psutil

from tools.deployment.refusal import Refusal
from tools.emulation import environment, parts, processes
from tools.emulation.parts import ROOT
from tools.emulation.state import PARTS, State

Say = Callable[[str], None]


ROOM = {
    "max_instances": "20",
    "max_usd_per_hour": "100",
}  # instances cost nothing here, and the default has room for two


def emulate(state: State, stage: str, context: Mapping[str, str], say: Say) -> None:
    """Raises Refusal. What this call started ends with it if it is interrupted; what was up before goes on."""
    recovered(state, say)
    begun = [name for name in PARTS if name not in state.parts]
    try:
        brought_up(state, begun, say)
        deploy(state, stage, context)
    except KeyboardInterrupt:
        ended(state, begun)
        raise


def brought_up(state: State, names: list[str], say: Say) -> None:
    try:
        for name in names:
            say(f"Starting the emulated {name} …")
            parts.start(state, name)
            if name == "ministack":
                parts.wait(state, name)  # it makes the certificate that the front wants
        for name in names:
            parts.wait(state, name)
    except Refusal:
        ended(state, names)
        raise


def ended(state: State, names: list[str]) -> None:
    for name in names:
        if name in state.parts:
            processes.stop(state.parts.pop(name))
            state.save()


def recovered(state: State, say: Say) -> None:
    """The account lives in ministack's memory. Where that was killed, what others still hold belongs to nothing."""
    was_there = "ministack" in state.parts
    if was_there and not parts.is_up(state, "ministack"):
        say("The emulated AWS was ended from outside, and with it the rows that it held: all of it begins anew.")
        processes.stop_all(state.folder)
        state.parts.clear()
        state.target.unlink(missing_ok=True)
        state.save()
    for name, part in list(state.parts.items()):
        if not parts.is_up(state, name):
            say(f"The emulated {name} was ended from outside, or hangs.")
            processes.stop(part)
            del state.parts[name]


def deploy(state: State, stage: str, context: Mapping[str, str]) -> None:
    """By the very code that deploys on AWS, as a process of its own: boto3 reads its routes from the environment."""
    command = [sys.executable, "-m", "tools.deployment", "deploy", "--yes", "--stage", stage]
    where = ["--out", str(state.folder / "cdk"), "--url-file", str(state.target)]
    pairs = {"opensearch_url": state.url("opensearch"), **ROOM, **context}
    chosen = [part for key, value in pairs.items() for part in ("--context", f"{key}={value}")]
    process = subprocess.Popen([*command, *where, *chosen], cwd=ROOT, env=environment.merged(state, os.environ))
    try:
        code = process.wait()
    except KeyboardInterrupt:
        with suppress(psutil.NoSuchProcess):  # it heard the Ctrl-C too, and was quicker
            processes.end([psutil.Process(process.pid)])
        raise
    if code != 0:
        raise Refusal(
            "The deployment did not come to its end; the lines above say why. Repeating ./run.sh emulate is safe."
        )
