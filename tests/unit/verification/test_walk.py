"""`./run.sh verify` from the plan to the last delete, over the real routes of models and an emulated account."""

import argparse

import pytest

from tests.unit.verification.deployed import installation, walk_on
from tools.verification import __main__ as command
from tools.verification import report
from tools.verification.api import StepFailed
from tools.verification.checks import Outcome
from tools.verification.free import walk_for_free
from tools.verification.made import remove_all

OPTIONS = argparse.Namespace(free=False, yes=True, model="qwen3-0.6b", embedder="all-minilm-l6-v2", stage="test")
MOMENTS = {"asked to create", "ready", "asked to sleep", "asleep", "probed at zero", "asked to wake", "woken", "gone"}


@pytest.fixture(scope="module")
def whole():
    """One walk to its end: api, account, walk, what was said."""
    api, account = installation()
    walk, said = walk_on(api, account)
    account.house.account.cloud.set_lag(0)
    failed = command.guarded(walk, OPTIONS)
    assert failed == 0, "\n".join(said)
    return api, account, walk, said


def test_nothing_is_left_and_that_is_said(whole):
    api, account, _, said = whole
    assert account.house.account.cloud.billable() == []
    assert (api.chats, api.vdbs, api.files.get("file")) == ({}, {}, None)
    assert said[-1] == "Nothing is left."


def test_every_moment_was_reached_and_recorded(whole):
    _, account, walk, _ = whole
    assert set(walk.evidence.marks) >= MOMENTS
    assert {moment for moment, _, _ in account.recorder.calls} >= MOMENTS


def test_what_the_emulator_promises_is_found_to_hold(whole):
    _, _, walk, _ = whole
    found = {id_: verdict.outcome for id_, verdict in report.verdicts(walk.evidence)}
    unseen = {"billing", "nextgen-engine"}
    assert {id_ for id_, outcome in found.items() if outcome is not Outcome.HOLDS} == unseen
    assert found["billing"] is Outcome.UNKNOWN


def test_the_price_was_said_before_anything_was_started(whole):
    api, _, _, said = whole
    (price,) = [line for line in said if "At most" in line]
    assert "At most 2.56 USD" in price
    assert api.sent.index("/model/create") > max(i for i, path in enumerate(api.sent) if path == "/model/plan")


def test_the_ledger_is_told(whole):
    assert any("The ledger says" in line for line in whole[3])
    assert whole[2].evidence.numbers["usd by the ledger"] > 0


def test_without_a_yes_nothing_is_started():
    api, account = installation()
    walk, said = walk_on(api, account)
    assert command.guarded(walk, argparse.Namespace(**{**vars(OPTIONS), "yes": False})) == 1
    assert "/model/create" not in api.sent
    assert "Nothing was started." in said


def test_what_costs_nothing_costs_nothing():
    api, account = installation()
    walk, _ = walk_on(api, account)
    assert command.guarded(walk, argparse.Namespace(**{**vars(OPTIONS), "free": True})) == 0
    assert "/model/create" not in api.sent
    assert api.chats == {}
    assert {"no key", "body over the limit"} == set(walk.evidence.probes)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/model/sleep", "/vdb/add"])
def test_where_a_step_fails_what_was_made_goes_all_the_same(path):
    api, account = installation()
    walk, said = walk_on(api, account)
    api.refusals[path] = 500
    assert command.guarded(walk, OPTIONS) == 1
    assert any(line.startswith("\nFailed: ") and path in line for line in said)
    assert account.house.account.cloud.billable() == []
    assert said[-1] == "Nothing is left."


@pytest.mark.parametrize("path", ["/model/create", "/model/sleep", "/vdb/hibernate", "/v1/embeddings"])
def test_ctrl_c_removes_what_was_made(path):
    api, account = installation()
    walk, said = walk_on(api, account)
    api.interrupts = {path}
    assert command.guarded(walk, OPTIONS) == 1
    assert account.house.account.cloud.billable() == []
    assert api.vdbs == {}
    assert said[-1] == "Nothing is left."


def test_what_cannot_be_removed_is_named_with_the_call_that_would():
    api, account = installation()
    walk, said = walk_on(api, account)
    api.refusals["/vdb/delete"] = 503
    assert command.guarded(walk, OPTIONS) == 1
    assert said[-1].startswith("LEFT, and some of it costs money:")
    assert "POST /vdb/delete" in said[-1]
    assert account.house.account.cloud.billable() == []


def test_a_second_ctrl_c_leaves_it_and_says_what():
    api, account = installation()
    walk, said = walk_on(api, account)
    api.interrupts = {"/model/sleep", "/model/delete"}
    assert command.guarded(walk, OPTIONS) == 1
    assert "POST /model/delete" in said[-1]
    remove_all(walk.made, api, account, walk.pace, said.append)
    assert account.house.account.cloud.billable() == []


def test_a_plan_that_would_be_refused_ends_it_before_the_question():
    api, _ = installation()
    with pytest.raises(StepFailed, match="not in the catalog"):
        report.price(api, {"gpt-9": {}})


def test_a_chat_that_comes_back_wrong_is_a_failure():
    api, account = installation()
    walk, _ = walk_on(api, account)
    api.chats["c1"] = [{"q": "old", "a": "old"}]
    with pytest.raises(StepFailed, match="not the chat that is read"):
        walk_for_free(walk, "qwen3-0.6b")
