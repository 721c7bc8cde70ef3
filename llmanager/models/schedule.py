"""Which windows of a schedule are open, and when that changes. Pure, apart from the machine's time zone data.

Wall clocks of the window's zone count. A time that the clocks skip is the first moment after the gap; of an hour that
they show twice, the first counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from llmanager.models.entities import Window

LAST_DAY = 6  # Sunday
LOOK_AHEAD_DAYS = 14  # a weekly window may be skipped by the clocks once: its next start is two weeks away
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Active:
    """The windows that are open now, taken together. Times in UTC."""

    since: datetime  # when the last of them opened
    until: datetime  # when the last of them closes, not included
    min: int  # replicas, the largest that any of them asks for


def active(windows: tuple[Window, ...], now: datetime) -> Active | None:
    """None: no window is open. One whose zone this machine does not know is never open."""
    opened = [
        (start, end, window.min)
        for window in windows
        for start, end in _spans(window, now, ahead_days=0)
        if start <= now < end
    ]
    if not opened:
        return None
    starts, ends, mins = zip(*opened, strict=True)
    return Active(max(starts), max(ends), max(mins))


def next_edge(windows: tuple[Window, ...], now: datetime) -> datetime | None:
    """The next moment, after now, at which `active` may change. None: it never does."""
    edges = (edge for window in windows for span in _spans(window, now, LOOK_AHEAD_DAYS) for edge in span)
    return min((edge for edge in edges if edge > now), default=None)


def problems(window: Window) -> str | None:
    """Why this is no window, and what would be one. None: it is one."""
    for what, clock in (("start", window.start), ("end", window.end)):
        if not _CLOCK.fullmatch(clock):
            return f"The {what} {clock!r} is no time of day. Write hours and minutes, such as '08:00'."
    is_known_day = all(0 <= day <= LAST_DAY for day in window.days)
    if not window.days or not is_known_day or len(set(window.days)) != len(window.days):
        return f"The days {list(window.days)} are no days of a week. Name each once, from 0 (Monday) to 6 (Sunday)."
    if window.min < 1:
        return f"The min {window.min} keeps nothing running. Write 1 or more, or leave the window out."
    if _zone(window.zone) is None:
        return (
            f"The zone {window.zone!r} is not known to this server. Use a name of the IANA database, such as "
            "'Europe/Berlin', or 'UTC'. If it is one, install time zone data there (the package tzdata)."
        )
    return None


def _spans(window: Window, now: datetime, ahead_days: int) -> Iterator[tuple[datetime, datetime]]:
    """When the window opens and closes around now, in UTC. What the clocks skip whole is left out."""
    zone = _zone(window.zone)
    if zone is None:
        return
    lasts = timedelta(days=0 if window.end > window.start else 1)
    today = now.astimezone(zone).date()
    for ahead in range(-1, ahead_days + 1):  # one that opened yesterday may still be open
        day = today + timedelta(days=ahead)
        if day.weekday() in window.days:
            start, end = _moment(day, window.start, zone), _moment(day + lasts, window.end, zone)
            if start < end:
                yield start, end


def _moment(day: date, clock: str, zone: tzinfo) -> datetime:
    wall = datetime.fromisoformat(f"{day.isoformat()}T{clock}").replace(tzinfo=zone)
    moment = wall.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return moment
    return _end_of_gap(wall, zone)


def _end_of_gap(wall: datetime, zone: tzinfo) -> datetime:
    """The first moment after the clocks went forward over `wall`, to the second."""
    after = wall.replace(fold=1)  # read by the offset that holds from then on: before the gap
    early, late = after.astimezone(UTC), wall.astimezone(UTC)
    while late - early > _SECOND:
        middle = early + (late - early) // (2 * _SECOND) * _SECOND
        if middle.astimezone(zone).utcoffset() == after.utcoffset():
            late = middle
        else:
            early = middle
    return late


def _zone(name: str) -> tzinfo | None:
    if name == "UTC":
        return UTC  # known on a machine without any data
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # absent; no possible name; a folder of the database
        return None
