"""Windows open and close by the wall clocks of their zone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.models.entities import Window
from llmanager.models.schedule import Active, active, next_edge, problems

SECOND = timedelta(seconds=1)
OFFICE = Window("08:00", "18:00", days=(0, 1, 2, 3, 4))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# 2026-11-27 is a Friday.


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-11-27T07:59:59.999999", False),
        ("2026-11-27T08:00", True),
        ("2026-11-27T17:59:59.999999", True),
        ("2026-11-27T18:00", False),
        ("2026-11-28T12:00", False),  # Saturday
    ],
)
def test_a_window_is_open_from_its_start_until_before_its_end(now, is_open):
    told = active((OFFICE,), utc(now))
    assert told == (Active(utc("2026-11-27T08:00"), utc("2026-11-27T18:00"), 1) if is_open else None)


@pytest.mark.parametrize(
    ("now", "edge"),
    [
        ("2026-11-27T07:59:59", "2026-11-27T08:00"),
        ("2026-11-27T08:00", "2026-11-27T18:00"),
        ("2026-11-27T18:00", "2026-11-30T08:00"),  # over the week-end
        ("2026-11-29T23:59", "2026-11-30T08:00"),
    ],
)
def test_the_next_edge_is_after_now(now, edge):
    assert next_edge((OFFICE,), utc(now)) == utc(edge)


def test_without_windows_nothing_is_open_and_nothing_will_change():
    assert active((), utc("2026-11-27T08:00")) is None
    assert next_edge((), utc("2026-11-27T08:00")) is None


def test_over_midnight_it_belongs_to_the_day_on_which_it_starts():
    friday_night = Window("22:00", "06:00", days=(4,))
    night = Active(utc("2026-11-27T22:00"), utc("2026-11-28T06:00"), 1)
    assert active((friday_night,), utc("2026-11-27T05:00")) is None
    assert active((friday_night,), utc("2026-11-27T22:00")) == night
    assert active((friday_night,), utc("2026-11-28T05:59")) == night
    assert active((friday_night,), utc("2026-11-28T06:00")) is None
    assert active((friday_night,), utc("2026-11-28T22:00")) is None


def test_equal_start_and_end_is_the_whole_day_until_the_next_one():
    monday = Window("09:00", "09:00", days=(0,))
    assert active((monday,), utc("2026-12-01T08:59")) == Active(utc("2026-11-30T09:00"), utc("2026-12-01T09:00"), 1)
    assert active((monday,), utc("2026-12-01T09:00")) is None


def test_whole_days_in_a_row_are_always_open_and_turn_at_each_start():
    always = (Window("00:00", "00:00"),)
    assert active(always, utc("2026-11-27T00:00")) == Active(utc("2026-11-27T00:00"), utc("2026-11-28T00:00"), 1)
    assert next_edge(always, utc("2026-11-27T00:00")) == utc("2026-11-28T00:00")


def test_overlapping_windows_give_the_largest_min_the_latest_start_and_the_latest_end():
    long, short = Window("08:00", "18:00", min=2), Window("10:00", "12:00", min=3)
    late = Window("11:00", "20:00", min=1)
    now = utc("2026-11-27T11:30")
    told = Active(utc("2026-11-27T11:00"), utc("2026-11-27T20:00"), 3)
    assert active((long, short, late), now) == told
    assert active((late, short, long), now) == told
    assert next_edge((long, short, late), now) == utc("2026-11-27T12:00")
    assert next_edge((late, long), utc("2026-11-27T10:00")) == utc("2026-11-27T11:00")


def test_a_closed_window_does_not_count():
    both = (Window("08:00", "10:00", min=5), Window("09:00", "12:00", min=1))
    assert active(both, utc("2026-11-27T10:00")) == Active(utc("2026-11-27T09:00"), utc("2026-11-27T12:00"), 1)


# Berlin's clocks go forward on 2026-03-29 at 01:00 UTC (02:00 -> 03:00), back on 2026-10-25 at 01:00 UTC.


@pytest.mark.parametrize(
    ("day", "start"),
    [
        ("2026-03-28T12:00", "2026-03-28T07:00"),
        ("2026-03-29T12:00", "2026-03-29T06:00"),
        ("2026-10-24T12:00", "2026-10-24T06:00"),
        ("2026-10-25T12:00", "2026-10-25T07:00"),
    ],
)
def test_wall_clocks_count_in_summer_and_in_winter(day, start):
    told = active((Window("08:00", "18:00", zone="Europe/Berlin"),), utc(day))
    assert told is not None
    assert told.since == utc(start)
    assert told.since.tzinfo is UTC


def test_the_day_is_the_zones_not_utcs():
    monday = Window("00:00", "12:00", days=(0,), zone="Asia/Tokyo")
    assert active((monday,), utc("2026-11-29T14:59:59")) is None
    assert active((monday,), utc("2026-11-29T15:00")) == Active(utc("2026-11-29T15:00"), utc("2026-11-30T03:00"), 1)


@pytest.mark.parametrize("start", ["02:00", "02:30", "02:59"])
def test_a_start_that_the_clocks_skip_is_the_first_moment_after(start):
    told = active((Window(start, "05:00", zone="Europe/Berlin"),), utc("2026-03-29T01:00"))
    assert told == Active(utc("2026-03-29T01:00"), utc("2026-03-29T03:00"), 1)
    assert active((Window(start, "05:00", zone="Europe/Berlin"),), utc("2026-03-29T00:59:59")) is None


def test_an_end_that_the_clocks_skip_is_the_first_moment_after():
    told = active((Window("01:00", "02:30", zone="Europe/Berlin"),), utc("2026-03-29T00:30"))
    assert told == Active(utc("2026-03-29T00:00"), utc("2026-03-29T01:00"), 1)


def test_a_window_that_the_clocks_skip_whole_does_not_open_and_the_next_one_is_found():
    skipped = (Window("02:10", "02:50", days=(6,), zone="Europe/Berlin"),)
    assert active(skipped, utc("2026-03-29T01:00")) is None
    assert next_edge(skipped, utc("2026-03-22T12:00")) == utc("2026-04-05T00:10")


def test_half_an_hour_may_be_skipped_too():
    # Lord Howe: 2026-10-03 15:30 UTC, 02:00 -> 02:30
    told = active((Window("02:10", "05:00", zone="Australia/Lord_Howe"),), utc("2026-10-03T15:30"))
    assert told is not None
    assert told.since == utc("2026-10-03T15:30")


def test_an_hour_that_the_clocks_show_twice_counts_once_its_first():
    window = (Window("02:15", "02:45", zone="Europe/Berlin"),)
    assert active(window, utc("2026-10-25T00:15")) == Active(utc("2026-10-25T00:15"), utc("2026-10-25T00:45"), 1)
    assert active(window, utc("2026-10-25T00:45")) is None
    assert active(window, utc("2026-10-25T01:15")) is None  # 02:15 again


def test_over_the_hour_shown_twice_it_lasts_an_hour_longer():
    told = active((Window("01:00", "04:00", zone="Europe/Berlin"),), utc("2026-10-25T02:59"))
    assert told == Active(utc("2026-10-24T23:00"), utc("2026-10-25T03:00"), 1)


CLOCKS = st.sampled_from(["00:00", "01:59", "02:00", "02:30", "03:00", "12:00", "23:59"])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"])
WINDOWS = st.lists(
    st.builds(
        Window,
        CLOCKS,
        CLOCKS,
        st.lists(st.integers(0, 6), min_size=1, unique=True).map(tuple),
        ZONES,
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(WINDOWS, MOMENTS, st.floats(0, 0.999))
def test_nothing_changes_before_the_next_edge(windows, now, part):
    edge = next_edge(windows, now)
    assert edge is not None
    assert now < edge
    assert active(windows, now + (edge - now) * part) == active(windows, now)
    assert active(windows, edge - timedelta(microseconds=1)) == active(windows, now)


@given(WINDOWS, MOMENTS)
def test_what_is_open_holds_now(windows, now):
    told = active(windows, now)
    assert told is None or told.since <= now < told.until


@pytest.mark.parametrize(
    "window",
    [OFFICE, Window("00:00", "23:59"), Window("09:00", "09:00"), Window("19:59", "20:00", zone="Europe/Berlin")],
)
def test_a_good_window_has_no_problems(window):
    assert problems(window) is None


@pytest.mark.parametrize("clock", ["8:00", "24:00", "08:60", "0800", "08:00:00", "", " 08:00", "08:00\n", "٠8:00"])
def test_a_time_that_is_none_is_told_with_an_example(clock):
    assert problems(Window(clock, "18:00")) == (
        f"The start {clock!r} is no time of day. Write hours and minutes, such as '08:00'."
    )
    assert problems(Window("08:00", clock)) == (
        f"The end {clock!r} is no time of day. Write hours and minutes, such as '08:00'."
    )


@pytest.mark.parametrize("days", [(), (7,), (-1,), (0, 0), (0, 7)])
def test_days_that_are_none_are_told(days):
    assert problems(Window("08:00", "18:00", days)) == (
        f"The days {list(days)} are no days of a week. Name each once, from 0 (Monday) to 6 (Sunday)."
    )


def test_a_min_of_nothing_is_told():
    assert "The min 0 keeps nothing running" in str(problems(Window("08:00", "18:00", min=0)))


@pytest.mark.parametrize("zone", ["Mars/Base", "", "../etc/passwd", "Europe", "a\0b", "Ä"])
def test_a_zone_unknown_to_the_machine_is_refused_and_never_open(zone):
    window = Window("00:00", "00:00", zone=zone)
    told = str(problems(window))
    assert told.startswith(f"The zone {zone!r} is not known to this server.")
    assert "tzdata" in told
    assert active((window,), utc("2026-11-27T08:00")) is None
    assert next_edge((window,), utc("2026-11-27T08:00")) is None
