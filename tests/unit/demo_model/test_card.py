"""The tables of the model card, and their place in it."""

import pytest

from tools.demo_model.evaluation.__main__ import arguments, command, main
from tools.demo_model.evaluation.calls import Share
from tools.demo_model.evaluation.card import BEGIN, END, GROUPS, Circumstances, Measured, page, replaced
from tools.demo_model.evaluation.judging import Told, Verdict
from tools.demo_model.evaluation.texts import FOLDER
from tools.demo_model.evaluation.waking import FirstToken

WHERE = Circumstances("2026-11-28", "2 processors", "./run.sh demo-model eval", "ab12", 7)


def told(about: str, verdict: Verdict = "right", wanted: str | None = "It is.") -> Told:
    return Told(about, f"What of {about} | {verdict}?", wanted, 'According to [1]: "It is."', verdict, 0.02)


def test_texts_are_summed_by_text_and_by_group():
    texts = (told("blind-a"), told("blind-a", "wrong quote"), told("blind-b", "wrong unknown"), told("dev-c"))
    lines = page(Measured(texts=texts), WHERE).splitlines()
    assert "| blind-a | 1 of 2 | 1 | 0 | 0 | 20 |" in lines
    assert "| **blind-\\***: written by others | 1 of 3 | 1 | 1 | 0 | 20 |" in lines
    assert "| **dev-\\***: used while it was built | 1 of 1 | 0 | 0 | 0 | 20 |" in lines


def test_what_was_answered_and_what_was_not_are_apart():
    lines = page(Measured(synthetic=(told("q"), told("q", "wrong quote", None))), WHERE).splitlines()
    assert "| q, answered | 1 of 1 | 0 | 0 | 0 |" in lines
    assert "| q, not answered | 0 of 1 | 1 | 0 | 0 |" in lines


def test_shares_and_first_tokens_have_their_numbers_and_goals():
    measured = Measured(calls=(Share("name", 119, 120, 0.95),), first_tokens=(FirstToken("/chat", 0.1234, 0.2, 1.5),))
    lines = page(measured, WHERE).splitlines()
    assert "| name | 119 of 120 | 99.2% | 95% |" in lines
    assert "| `/chat` | 0.123 | 0.200 | 1.50 |" in lines


def test_samples_are_right_and_wrong_ones_by_chance_and_cannot_break_the_table():
    texts = tuple(told(f"dev-{n}", "right" if n % 2 else "wrong quote") for n in range(20))
    text = page(Measured(texts=texts), WHERE)
    assert text == page(Measured(texts=texts), WHERE)
    assert "right**, 5 by chance" in text
    assert "wrong**, 5 by chance" in text
    assert "\\| wrong quote?" in text


def test_the_command_is_shown_without_key_address_and_folders():
    options = ["--model", "folder/x.gguf", "--only", "texts", "--url", "http://h:1", "--key", "secret", "--texts", "a*"]
    shown = command(arguments().parse_args(options))
    assert shown == "./run.sh demo-model eval --model x.gguf --texts 'a*' --only texts --url …"
    assert command(arguments().parse_args(["--write"])) == "./run.sh demo-model eval"


@pytest.mark.parametrize("some", [["--only", "talk"], ["--texts", "dev-*"]])
def test_a_part_of_the_tables_is_not_written(some: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main([*some, "--write"])
    assert "--write replaces all tables" in capsys.readouterr().err


def test_each_text_is_of_a_group_that_the_card_names():
    assert {path.stem.partition("-")[0] for path in FOLDER.glob("*.json")} == GROUPS.keys()


def test_of_nothing_there_is_no_share():
    assert "| said | 0 of 0 |  |  |" in page(Measured(calls=(Share("said", 0, 0),)), WHERE).splitlines()


def test_the_part_between_the_marks_is_replaced_and_nothing_else():
    once = replaced(f"# Card\n\n{BEGIN}\nold\n{END}\n\nMore.\n", "new")
    assert once == f"# Card\n\n{BEGIN}\n\nnew\n\n{END}\n\nMore.\n"
    assert replaced(once, "new") == once


@pytest.mark.parametrize("card", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"])
def test_a_card_without_its_marks_is_left_alone(card: str):
    with pytest.raises(ValueError, match="marks"):
        replaced(card, "new")
