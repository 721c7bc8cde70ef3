"""Jobs over HTTP: looked at, listed, cancelled. They are made by /vdb/embed and by /vdb/add with `src`."""

import pytest

from tests.api.shape import assert_error
from tests.fakes.eventually import eventually


def submitted(api, vdb):
    assert api.post("/vdb/create", {"name": vdb, "dim": 2}).status in (202, 409)
    answer = api.post("/vdb/add", {"name": vdb, "src": "there-is-no-such-file"})
    assert answer.status == 202, answer
    return answer.json["job_id"]


def ended(api, job):
    return eventually(
        lambda: api.post("/jobs/status", {"job_id": job, "wait_s": 5}).json, lambda seen: seen["ended_at"] is not None
    )


def test_a_job_tells_what_became_of_it(api, name):
    seen = ended(api, submitted(api, name))
    assert (seen["kind"], seen["status"], seen["attempts"]) == ("vdb.load", "failed", 1)
    assert seen["error"]["code"] == "source_not_found"
    assert "POST /files/list" in seen["error"]["message"]


def test_jobs_are_listed_the_newest_first(api, name):
    jobs = [submitted(api, name) for _ in range(3)]
    first = api.post("/jobs/list", {"limit": 2}).json
    rest = api.post("/jobs/list", {"cursor": first["cursor"], "limit": 200}).json
    listed = [job["job_id"] for job in first["jobs"] + rest["jobs"]]
    assert [job for job in listed if job in jobs] == jobs[::-1]  # others may have come between them


def test_what_has_ended_stays_as_it_ended(api, name):
    job = submitted(api, name)
    before = ended(api, job)
    assert api.post("/jobs/cancel", {"job_id": job}).json == before


@pytest.mark.parametrize("verb", ["status", "cancel"])
def test_a_job_that_never_was_is_not_found(api, verb):
    assert assert_error(api.post(f"/jobs/{verb}", {"job_id": "nothing"}), 404)["code"] == "job_not_found"


def test_a_wait_over_the_limit_is_refused(api):
    assert assert_error(api.post("/jobs/status", {"job_id": "nothing", "wait_s": 61}), 422)["param"] == "wait_s"


def test_a_job_of_another_tenant_reads_as_absent(keyed, name):
    job = submitted(keyed.owner, name)
    absent = keyed.rival.post("/jobs/status", {"job_id": "nothing"})
    assert keyed.rival.post("/jobs/status", {"job_id": job}).body == absent.body
    assert_error(keyed.rival.post("/jobs/cancel", {"job_id": job}), 404)
    assert job not in {one["job_id"] for one in keyed.rival.post("/jobs/list", {"limit": 200}).json["jobs"]}
