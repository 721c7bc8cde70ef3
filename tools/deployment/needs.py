"""Programs that must be there before anything is begun, and how to get each."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.deployment.refusal import Refusal

COLOUR = "\x1b\\[[0-9;]*m"


@dataclass(frozen=True)
class Need:
    program: str
    least: int  # major version
    asked: tuple[str, ...]  # arguments that make it tell its version
    debian: str
    macos: str
    why: str


NODE = Need(
    "node", 20, ("--version",), "nodejs (from a release with Node 20 or newer)", "node", "the CDK CLI runs on it"
)
NPM = Need("npm", 8, ("--version",), "npm", "node", "it installs the CDK CLI")
JAVA = Need("java", 11, ("-version",), "openjdk-17-jre-headless", "openjdk@17", "OpenSearch runs on it")
MAVEN = Need("mvn", 3, ("-v",), "maven", "maven", "it fetches OpenSearch")
OPENSSL = Need("openssl", 0, ("version",), "openssl", "openssl", "the emulated AWS signs its own certificate with it")


def check(needs: Sequence[Need]) -> None:
    lacking = [line for need in needs for line in problems(need)]
    if lacking:
        raise Refusal("This machine lacks what the command needs:\n" + "\n".join(lacking), code=2)


def problems(need: Need) -> Iterator[str]:
    how = f"    Debian or Ubuntu: apt-get install {need.debian}\n    macOS: brew install {need.macos}"
    if shutil.which(need.program) is None:
        yield f"  {need.program} is not installed ({need.why}).\n{how}"
        return
    told = subprocess.run([need.program, *need.asked], capture_output=True, text=True, check=False, timeout=60)
    version = re.search(r"(\d+)[.\d]*", re.sub(COLOUR, "", told.stdout or told.stderr))
    if told.returncode != 0 or version is None:
        yield f"  {need.program} is there but does not run ({need.why}).\n{how}"
    elif int(version[1]) < need.least:
        yield f"  {need.program} is version {version[0]}; {need.least} or newer is needed ({need.why}).\n{how}"
