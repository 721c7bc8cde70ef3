"""A synthesised stage, as tests ask about it: resources by type, a function's settings, what a role may do."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Resource = dict[str, Any]
STACKS = ("Stateful", "Service")


@dataclass(frozen=True)
class Statement:
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Stage:
    """Both templates of a stage and target."""

    folder: Path

    @cached_property
    def stacks(self) -> dict[str, dict[str, Any]]:
        return {name: json.loads((self.folder / f"{name}.template.json").read_text()) for name in STACKS}

    @cached_property
    def resources(self) -> dict[str, Resource]:
        """By logical id; the two stacks share none."""
        return {id_: found for stack in self.stacks.values() for id_, found in stack["Resources"].items()}

    def of_type(self, kind: str) -> dict[str, Resource]:
        return {id_: found for id_, found in self.resources.items() if found["Type"] == kind}

    def outputs(self, stack: str) -> dict[str, Any]:
        return {name: output["Value"] for name, output in self.stacks[stack]["Outputs"].items()}

    @cached_property
    def functions(self) -> dict[str, Resource]:
        """Properties by the name in our table, which is what follows lm-<stage>-."""
        found = (resource["Properties"] for resource in self.of_type("AWS::Lambda::Function").values())
        return {properties["FunctionName"].split("-", 2)[2]: properties for properties in found}

    def environment(self, function: str) -> dict[str, str]:
        variables = self.functions[function]["Environment"]["Variables"]
        return {name: plain(value) for name, value in variables.items()}

    def rights(self, function: str) -> list[Statement]:
        return self.rights_of(self.functions[function]["Role"]["Fn::GetAtt"][0])

    def rights_of(self, role: str) -> list[Statement]:
        """Of every policy that names the role by its logical id."""
        policies = [*self.of_type("AWS::IAM::Policy").values(), *self.of_type("AWS::IAM::ManagedPolicy").values()]
        return [
            _statement(raw)
            for policy in policies
            if {"Ref": role} in policy["Properties"].get("Roles", [])
            for raw in policy["Properties"]["PolicyDocument"]["Statement"]
        ]

    def allowed(self, function: str) -> set[str]:
        return {action for right in self.rights(function) if right.effect == "Allow" for action in right.actions}

    def all_statements(self) -> Iterator[tuple[str, Statement]]:
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::Role"):
            for id_, policy in self.of_type(kind).items():
                for raw in policy["Properties"].get("PolicyDocument", {}).get("Statement", []):
                    yield id_, _statement(raw)


def plain(value: Any) -> str:
    """Text of a value with what only CloudFormation knows in angle brackets."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [between, parts]}:
            return str(between).join(map(plain, parts))
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([^}]+)\}", r"<\1>", text)
        case {"Fn::ImportValue": name}:
            return f"<import {plain(name)}>"
    raise TypeError(f"no text: {value!r}")


def _statement(raw: dict[str, Any]) -> Statement:
    return Statement(
        effect=raw["Effect"],
        actions=tuple(_several(raw["Action"])),
        resources=tuple(map(plain, _several(raw["Resource"]))),
        conditions=raw.get("Condition", {}),
    )


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
