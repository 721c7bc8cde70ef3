"""The answer of /admin/fleet as a plain table. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

HEAD = ("NAME", "STATUS", "SINCE", "INSTANCE", "$/H", "SPENT $", "LAST USED", "SLEEPS IN", "ENDS IN", "WHY")
TO_THE_RIGHT = (2, 4, 5, 6, 7, 8)
NONE, UNKNOWN = "-", "?"
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def drawn(fleet: Mapping[str, Any], width: int) -> str:
    """Lines of at most `width` characters: the models, the vector databases, the sums, what is wrong."""
    now = datetime.fromisoformat(fleet["at"])
    members = [*fleet["models"], *fleet["vdbs"]]
    has_tenants = len({member["tenant"] for member in members}) > 1
    rows = [_row(member, now, has_tenants=has_tenants) for member in members]
    widths = [max(len(row[column]) for row in (HEAD, *rows)) for column in range(len(HEAD))]
    lines = [_line(row, widths) for row in (HEAD, *rows)]
    alarms = [f"! {_name(m, has_tenants=has_tenants)}: {alarm}" for m in fleet["models"] for alarm in m["alarms"]]
    told = [*lines, "", *_sums(fleet), *map(_printable, alarms)]
    return "".join(f"{_cut(line.rstrip(), width)}\n" for line in told)


def _row(member: Mapping[str, Any], now: datetime, *, has_tenants: bool) -> tuple[str, ...]:
    is_model = "instance_type" in member
    instances = member.get("instances", 0)
    return (
        _name(member, has_tenants=has_tenants),
        member["status"],
        _span(member["since"], now),
        (f"{instances} x " if instances > 1 else "") + member["instance_type"] if is_model else "vdb",
        _usd(member["usd_per_hour"], 3) if is_model else NONE,
        _usd(member["usd_spent"], 2) if is_model else NONE,
        _span(member["last_used_at"], now),
        _span(member["sleeps_at"], now, is_ahead=True),
        _span(member["expires_at"], now, is_ahead=True),
        _printable(member["why"]),
    )


def _name(member: Mapping[str, Any], *, has_tenants: bool) -> str:
    return f"{member['tenant']}/{member['name']}" if has_tenants else str(member["name"])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        cell.rjust(wide) if column in TO_THE_RIGHT else cell.ljust(wide)
        for column, (cell, wide) in enumerate(zip(row, widths, strict=True))
    )


def _sums(fleet: Mapping[str, Any]) -> list[str]:
    total, caps = fleet["total"], fleet["caps"]
    money = "" if caps["max_usd_per_hour"] is None else f" of {caps['max_usd_per_hour']}"
    unknown = f" and {total['unpriced']} at an unknown price" if total["unpriced"] else ""
    now = f"{_usd(total['usd_per_hour'], 3)} $/h now{unknown}, {_usd(total['usd_spent'], 2)} $ spent"
    worst = f"{total['instances_max']} of {caps['max_instances']} instances, {total['usd_per_hour_max']}{money} $/h"
    return [
        f"{total['models']} of {caps['max_models']} models, {total['instances']} billed instances, {now}",
        f"at worst {worst}",
    ]


def _usd(amount: str | None, digits: int) -> str:
    return UNKNOWN if amount is None else f"{Decimal(amount):.{digits}f}"


def _span(at: str | None, now: datetime, *, is_ahead: bool = False) -> str:
    if at is None:
        return NONE
    passed_s = int((now - datetime.fromisoformat(at)).total_seconds())
    seconds = max(0, -passed_s if is_ahead else passed_s)
    if seconds < MINUTE_S:
        return f"{seconds} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S} min"
    if seconds < DAY_S:
        return f"{seconds // HOUR_S} h {seconds % HOUR_S // MINUTE_S:02} min"
    return f"{seconds // DAY_S} d"


def _printable(text: str) -> str:
    """What a broken replica said is shown, and may not draw."""
    return "".join(char if char.isprintable() else " " for char in text)


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"
