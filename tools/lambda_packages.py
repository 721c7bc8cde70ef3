"""Builds what AWS's functions are made of, without docker: `python -m tools.lambda_packages [aws|emulated] [group …]`.

build/lambda/TARGET/GROUP is a folder with our sources and their dependencies for another machine, byte for byte the
same however often it is built. One that is up to date is left alone.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.wiring.aws import description
from llmanager.wiring.local.app import app_of
from llmanager.wiring.local.parts import opened_parts
from llmanager.wiring.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "lambda"
GROUPS = ("api", "ingest", "chat")
UNCHANGING_S = 315_619_200  # 1 January 1980, the earliest that a zip file can tell

# Services that a group's functions speak to: botocore describes four hundred, in 30 MB.
MODEL_HOST = {"sagemaker", "sagemaker-runtime", "application-autoscaling", "cloudwatch", "resourcegroupstaggingapi"}
SERVICES = {
    "api": MODEL_HOST | {"dynamodb", "sqs", "secretsmanager", "sts"},
    "ingest": MODEL_HOST | {"dynamodb", "sqs", "s3", "sts", "logs"},
    "chat": MODEL_HOST | {"dynamodb", "sqs", "s3", "sts"},
}
# Of ours: what only a laptop does, but for the few modules that the settings name.
NOT_ON_AWS = ("llmanager/cli", "llmanager/wiring/local", "llmanager/adapters/local")
ALL_THE_SAME = {f"llmanager/adapters/local/{name}.py" for name in ("__init__", "engines", "processes")}
ONLY_IN = {"llmanager/adapters/documents": {"ingest"}}
NOT_RUN = ("*.c", "*.cpp", "*.h", "*.pxd", "*.pxi", "*.pyi", "*.pyx", "*.rng", "*.sch", "*.xsl", "py.typed")
SCRIPTS = ("console_scripts", "gui_scripts")


@dataclass(frozen=True)
class Target:
    """The machine that runs a function."""

    platform: str
    python: str


def targets() -> dict[str, Target]:
    """aws: Lambda on arm64. emulated: this machine, under the Python of the emulator's own environment."""
    machine = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    system = "apple-darwin" if sys.platform == "darwin" else "manylinux2014"
    return {"aws": Target("aarch64-manylinux2014", "3.13"), "emulated": Target(f"{machine}-{system}", "3.11")}


class NotBuilt(Exception):
    """What went wrong, in words for whoever ran the command."""


def build(target: str, group: str) -> Path:
    """The folder, made anew if anything that it is made of has changed. Raises NotBuilt."""
    folder, stamp = BUILD / target / group, BUILD / target / f"{group}.stamp"
    compiler = python_of(targets()[target].python)
    wanted = fingerprint(target, group, compiles=compiler is not None)
    if folder.is_dir() and stamp.is_file() and stamp.read_text() == wanted:
        return folder
    making = BUILD / target / f"{group}.making-{os.getpid()}"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    try:
        install(making, targets()[target], group)
        trim(making, group)
        copy_sources(making, group)
        (making / "llmanager" / "wiring" / "aws" / description.FILE).write_bytes(openapi_document())
        if compiler is not None:
            compile_all(compiler, making)
        make_unchanging(making)
        stamp.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        making.rename(folder)
        stamp.write_text(wanted)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder


def fingerprint(target: str, group: str, *, compiles: bool) -> str:
    """Of all that a package follows from."""
    digest = hashlib.sha256(f"{target} {targets()[target]} {group} {compiles}".encode())
    for path in (Path(__file__), lock_of(group), *(ROOT / source for source in sources(group))):
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def lock_of(group: str) -> Path:
    return ROOT / "requirements" / f"lambda-{group}.txt"


def sources(group: str) -> Iterator[Path]:
    """Our own files of a group, relative to the root, in order."""
    for package in ("lambdas", "llmanager"):
        for path in sorted((ROOT / package).rglob("*")):
            relative = path.relative_to(ROOT)
            if path.is_file() and "__pycache__" not in relative.parts and is_of(relative.as_posix(), group):
                yield relative


def is_of(path: str, group: str) -> bool:
    if path in ALL_THE_SAME:
        return True
    others = tuple(f"{folder}/" for folder, groups in ONLY_IN.items() if group not in groups)
    return not path.startswith((*(f"{folder}/" for folder in NOT_ON_AWS), *others))


def install(folder: Path, target: Target, group: str) -> None:
    """Raises NotBuilt."""
    command = [ROOT / ".venv/bin/uv", "--quiet", "--system-certs", "pip", "install", "--target", folder, "--no-deps"]
    command += ["--python-platform", target.platform, "--python-version", target.python, "--only-binary", ":all:"]
    command += ["--require-hashes", "--no-compile-bytecode", "--link-mode", "copy", "-r", lock_of(group)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotBuilt(f"uv could not install requirements/lambda-{group}.txt for {target.platform}:\n{done.stderr}")


def trim(folder: Path, group: str) -> None:
    """Takes away what no function ever reads."""
    for name in ("bin", ".lock", "boto3/examples", "boto3/data"):
        remove(folder / name)
    for pattern in NOT_RUN:
        for path in folder.rglob(pattern):
            path.unlink()
    for described in (folder / "botocore" / "data").iterdir():
        if described.is_dir() and described.name not in SERVICES[group]:
            remove(described)
    for told in folder.glob("*.dist-info"):
        trim_told(told)
    for path in [*folder.rglob("__pycache__"), *folder.rglob("tests")]:
        remove(path)


def trim_told(dist_info: Path) -> None:
    """What a package tells of itself goes, but for the plug-ins that it may look up as it starts."""
    points = dist_info / "entry_points.txt"
    lines = points.read_text().splitlines() if points.is_file() else []
    if not any(line.startswith("[") and line.strip("[] ") not in SCRIPTS for line in lines):
        remove(dist_info)
        return
    for path in dist_info.iterdir():
        if path.name not in ("METADATA", "entry_points.txt"):
            remove(path)


def copy_sources(folder: Path, group: str) -> None:
    for source in sources(group):
        (folder / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / source, folder / source)


@cache
@cache
def openapi_document() -> bytes:
    """Of the local server, whose routes are those of all functions together."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings.from_env({"LLMANAGER_HOME": home})
        with opened_parts(settings) as parts:
            document = app_of(settings, parts, AiohttpUpstreams()).describe()
    return json.dumps(document, separators=(",", ":")).encode()


def python_of(version: str) -> str | None:
    """An interpreter of this version, if there is one here: only it makes bytecode that a function can run."""
    for candidate in (sys.executable, shutil.which(f"python{version}")):
        if candidate is not None:
            asked = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            if subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == version:
                return candidate
    return None


def compile_all(python: str, folder: Path) -> None:
    """Never compared with its source, whose time a zip file changes. Raises NotBuilt."""
    command = [python, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", folder, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotBuilt(f"bytecode could not be made:\n{done.stdout}{done.stderr}")


def make_unchanging(folder: Path) -> None:
    """CDK's and Lambda's hashes see names, contents and modes; a zip file sees times too."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o755 if path.is_dir() or path.suffix == ".sh" else 0o644)
        os.utime(path, (UNCHANGING_S, UNCHANGING_S))
    os.utime(folder, (UNCHANGING_S, UNCHANGING_S))


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_mib(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.lambda_packages", description=__doc__)
    parser.add_argument("target", choices=[*targets(), "all"], nargs="?", default="all")
    parser.add_argument("groups", nargs="*", metavar="group", default=[], help=f"of {', '.join(GROUPS)} (default: all)")
    asked = parser.parse_args(argv)
    if unknown := set(asked.groups) - set(GROUPS):
        parser.error(f"there is no group {min(unknown)!r}; there are {', '.join(GROUPS)}")
    for target in targets() if asked.target == "all" else [asked.target]:
        version = targets()[target].python
        if python_of(version) is None:
            print(f"{target}: no Python {version} is here, so no bytecode is shipped: cold starts are slower.")
        for group in asked.groups or GROUPS:
            began_s = time.monotonic()
            try:
                folder = build(target, group)
            except NotBuilt as error:
                print(f"lambda_packages: {error}", file=sys.stderr)
                return 1
            took_s = time.monotonic() - began_s
            print(f"{folder.relative_to(ROOT)}: {size_mib(folder):.1f} MiB, {took_s:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
