from llmanager.models.admission import Tenure, to_put_to_sleep
from llmanager.models.entities import Memory, Resident
from tests.unit.models.samples import at


def memory(budget_mib: int, **residents_mib: int) -> Memory:
    return Memory(budget_mib, tuple(Resident(name, mib) for name, mib in residents_mib.items()))


def idle(last_used_s: float) -> Tenure:
    return Tenure(at(last_used_s), is_held=False, may_sleep=True)


def test_nobody_sleeps_where_there_is_room():
    assert to_put_to_sleep(400, memory(1000, a=600), {"a": idle(1)}) == ()


def test_the_least_recently_used_sleeps_first_and_no_more_than_needed():
    full = memory(1000, a=300, b=300, c=300)
    assert to_put_to_sleep(400, full, {"a": idle(3), "b": idle(1), "c": idle(2)}) == ("b",)
    assert to_put_to_sleep(600, full, {"a": idle(3), "b": idle(1), "c": idle(2)}) == ("b", "c")


def test_the_memory_of_one_that_leaves_is_waited_for_before_another_is_put_to_sleep():
    leaving = Tenure(at(1), is_held=False, may_sleep=True, is_leaving=True)
    full = memory(600, a=300, b=300)
    assert to_put_to_sleep(300, full, {"a": idle(2), "b": leaving}) == ()
    assert to_put_to_sleep(600, full, {"a": idle(2), "b": leaving}) == ("a",)


def test_what_is_in_use_or_must_not_sleep_stays():
    tenures = {"a": Tenure(at(1), is_held=True, may_sleep=True), "b": Tenure(at(1), is_held=False, may_sleep=False)}
    assert to_put_to_sleep(100, memory(600, a=300, b=300), tenures) is None


def test_residents_that_nobody_knows_are_left_alone():
    assert to_put_to_sleep(100, memory(300, stranger=300), {}) is None
