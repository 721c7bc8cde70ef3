"""One stage's installation: the names that infra/ gives, the context that it takes, the folder of its templates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra import names
from tools.deployment.account import Account
from tools.deployment.cdk import ROOT, Cdk


@dataclass(frozen=True)
class Installation:
    stage: str
    account: Account
    context: Mapping[str, str] = field(default_factory=dict)  # more of it, from the command line
    out: Path = ROOT / "build" / "cdk"

    @property
    def target(self) -> str:
        return "emulated" if self.account.is_emulated else "aws"

    @property
    def cdk(self) -> Cdk:
        context = {"stage": self.stage, "target": self.target, "region": self.account.region, **self.context}
        return Cdk(self.out / f"{self.target}-{self.stage}", context)

    @property
    def stateful(self) -> str:
        return self.named("stateful")

    @property
    def service(self) -> str:
        return self.named("service")

    @property
    def admin_secret(self) -> str:
        return names.admin_secret(self.stage)

    @property
    def bucket(self) -> str:
        return names.bucket(self.stage, self.account.id, self.account.region)

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(names.table(self.stage, name) for name in names.TABLES)

    def function(self, name: str) -> str:
        return self.named(name)

    def named(self, name: str) -> str:
        return names.prefixed(self.stage, name)
