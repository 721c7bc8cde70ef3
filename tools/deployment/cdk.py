"""The CDK CLI, run as its own process on `infra/`."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.deployment.refusal import Refusal

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
CLI = INFRA / "node_modules" / ".bin" / "cdk"
LOCK = INFRA / "package-lock.json"
STAMP = INFRA / "node_modules" / "stamp"
QUIET = {
    "CI": "true",  # progress as lines, nothing redrawn
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
}


@dataclass(frozen=True)
class Cdk:
    """`out` holds the synthesised templates; every other command takes them from there and does not make them anew."""

    out: Path
    context: Mapping[str, str]

    def install(self) -> None:
        """The CLI that infra/package-lock.json names, if it is not there."""
        wanted = LOCK.read_bytes()
        if STAMP.exists() and STAMP.read_bytes() == wanted:
            return
        done = subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=INFRA, check=False)
        if done.returncode != 0:
            raise Refusal("The CDK CLI could not be installed; the lines above say why. Is the npm registry reachable?")
        STAMP.write_bytes(wanted)

    def synth(self) -> None:
        pairs = [part for key, value in self.context.items() for part in ("--context", f"{key}={value}")]
        self._run("making the templates", ["synth", "--quiet", "--output", str(self.out), *pairs])

    def bootstrap(self, account: str, region: str) -> None:
        # An empty app: with the real one, bootstrap would synthesise again and overwrite what synth made.
        self._run("preparing the account for CDK", ["bootstrap", "--app", "", f"aws://{account}/{region}"])

    def deploy(self, stacks: Sequence[str]) -> dict[str, dict[str, str]]:
        """The outputs of each stack."""
        outputs = self.out / "outputs.json"
        arguments = ["--app", str(self.out), "--require-approval", "never", "--outputs-file", str(outputs)]
        self._run("deploying", ["deploy", *self._ids(stacks), *arguments])
        told: dict[str, dict[str, str]] = json.loads(outputs.read_text())
        return told

    def diff(self) -> None:
        self._run("comparing", ["diff", "--app", str(self.out)], is_shown=True)

    def destroy(self, stacks: Sequence[str]) -> None:
        self._run("destroying", ["destroy", *self._ids(stacks), "--app", str(self.out), "--exclusively", "--force"])

    def template(self, stack: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (self.out / self._artifacts()[stack]["properties"]["templateFile"]).read_text()
        )
        return found

    def _ids(self, stacks: Sequence[str]) -> list[str]:
        """The CLI knows stacks by where they are in the app, CloudFormation by their names."""
        artifacts = self._artifacts()
        return [artifacts[stack].get("displayName", stack) for stack in stacks]

    def _artifacts(self) -> dict[str, dict[str, Any]]:
        manifest = json.loads((self.out / "manifest.json").read_text())
        found = manifest["artifacts"].items()
        stacks = {name: artifact for name, artifact in found if artifact["type"] == "aws:cloudformation:stack"}
        return {artifact["properties"].get("stackName", name): artifact for name, artifact in stacks.items()}

    def _run(self, doing: str, arguments: Sequence[str], *, is_shown: bool = False) -> None:
        """Silent where all goes well: what the CLI says is kept beside its output, and shown when it fails."""
        self.out.parent.mkdir(parents=True, exist_ok=True)
        log = self.out.with_name(f"{self.out.name}-{arguments[0]}.log")
        environment = {**os.environ, **QUIET}
        if is_shown:
            done = subprocess.run([CLI, *arguments], cwd=INFRA, env=environment, check=False)
        else:
            with log.open("w") as kept:
                done = subprocess.run(
                    [CLI, *arguments], cwd=INFRA, env=environment, stdout=kept, stderr=kept, check=False
                )
        if done.returncode != 0:
            said = (
                "" if is_shown else "\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]) + f"\n({log})"
            )
            raise Refusal(
                f"{doing} failed: `cdk {arguments[0]}` ended with {done.returncode}.{said}\nRepeating is safe."
            )
