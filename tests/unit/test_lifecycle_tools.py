"""`./run.sh coverage` and `./run.sh mutate`, as far as they go without running any test."""

from pathlib import Path

import pytest

from tools.coverage import figures
from tools.lifecycle_modules import EQUIVALENT, chosen, lifecycle_modules, unit_tests_of
from tools.mutate import Mutant, mutants_of

ROOT = Path(__file__).resolve().parents[2]
MODULE = "llmanager/models/x.py"
ORIGINAL = """
class Box:
    def is_full(self, count: int) -> bool:
        \"\"\"Whether.\"\"\"
        return count >= 3


def greet(name: str = "you") -> str:
    if not name:
        raise ValueError("no name")
    return name
"""
MUTATED = """
class Box:
    def xǁBoxǁis_full__mutmut_orig(self, count: int) -> bool:
        \"\"\"Whether.\"\"\"
        return count >= 3

    def xǁBoxǁis_full__mutmut_1(self, count: int) -> bool:
        \"\"\"Whether.\"\"\"
        return count > 3


def x_greet__mutmut_orig(name: str = "you") -> str:
    if not name:
        raise ValueError("no name")
    return name


def x_greet__mutmut_1(name: str = "XXyouXX") -> str:
    if not name:
        raise ValueError("no name")
    return name


def x_greet__mutmut_2(name: str = "you") -> str:
    if not name:
        raise ValueError("NO NAME")
    return name


def x_greet__mutmut_3(name: str = "you") -> str:
    if name:
        raise ValueError("no name")
    return name
"""


def codes(**by_name):
    return {f"llmanager.models.x.{name}": code for name, code in by_name.items()}


def test_a_mutant_is_told_by_its_place_in_the_source_and_what_became_of_the_line():
    found = list(mutants_of(MODULE, ORIGINAL, MUTATED, codes(xǁBoxǁis_full__mutmut_1=0, x_greet__mutmut_3=33)))
    assert found == [
        Mutant(MODULE, 5, "return count >= 3", "return count > 3", is_killed=False),
        Mutant(MODULE, 9, "if not name:", "if name:", is_killed=False, is_untested=True),
    ]


@pytest.mark.parametrize(("code", "is_killed"), [(1, True), (36, True), (-11, True), (0, False), (33, False)])
def test_a_test_that_fails_crashes_or_takes_too_long_has_noticed(code, is_killed):
    [found] = mutants_of(MODULE, ORIGINAL, MUTATED, codes(x_greet__mutmut_3=code))
    assert found.is_killed is is_killed


def test_a_mutant_that_was_not_run_is_no_figure():
    with pytest.raises(RuntimeError, match="was not run"):
        list(mutants_of(MODULE, ORIGINAL, MUTATED, codes(x_greet__mutmut_3=None)))


def test_other_words_in_a_text_are_no_mistake():
    found = mutants_of(MODULE, ORIGINAL, MUTATED, codes(x_greet__mutmut_1=0, x_greet__mutmut_2=0, x_greet__mutmut_3=0))
    assert [mutant.is_text_only for mutant in found] == [True, True, False]


def test_every_mutant_that_counts_as_equivalent_has_a_reason_and_still_a_line():
    for same in EQUIVALENT:
        assert same.why
        lines = " ".join(line.strip() for line in (ROOT / same.module).read_text().splitlines())
        assert same.before in lines, f"{same.before!r} is not in {same.module} any more"


def test_modules_are_chosen_by_a_part_of_their_path():
    modules = lifecycle_modules(ROOT)
    assert "llmanager/models/admission.py" in modules
    assert "llmanager/models/usecases/use.py" in modules
    assert not any(module.endswith("__init__.py") for module in modules)
    assert chosen(ROOT, []) == modules
    assert chosen(ROOT, ["admission"]) == ["llmanager/models/admission.py"]
    with pytest.raises(ValueError, match="no lifecycle module"):
        chosen(ROOT, ["admission", "nonsense"])


def test_the_tests_of_a_module_are_those_of_its_capability():
    assert unit_tests_of(ROOT, ["llmanager/vdb/lifecycle.py", "llmanager/vdb/usecases/sweep.py"]) == ["tests/unit/vdb"]
    assert unit_tests_of(ROOT, ["llmanager/kernel/orphans.py"]) in ([], ["tests/unit/kernel"])


def test_a_module_that_no_test_imports_is_not_covered():
    assert figures(None)[0] == 0


def test_what_is_not_covered_is_told_by_line_and_branch():
    file = {"summary": {"percent_covered": 91.5}, "missing_lines": [7], "missing_branches": [[3, 7], [9, -1]]}
    assert figures(file) == (91.5, "7 3->7 9->exit")
