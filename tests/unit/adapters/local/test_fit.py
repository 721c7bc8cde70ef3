from dataclasses import replace
from decimal import Decimal

from llmanager.adapters.local.fit import fit, quote, threads
from llmanager.adapters.local.weights_port import WeightsFacts
from llmanager.models.entities import Kind, ModelSpec, Scaling

FACTS = WeightsFacts(size_mib=400, download_mib=0, context_tokens=32_768, kv_bytes_per_token=12 * 1024, dimensions=None)
SPEC = ModelSpec("small", scaling=Scaling(target_concurrency=4))


def test_a_replica_takes_its_file_its_keys_and_values_and_what_the_engine_needs():
    assert fit(SPEC, FACTS).memory_mib == 400 + 4 * 4096 * 12 // 1024 + 96


def test_more_context_and_more_slots_take_more_memory():
    longer = fit(replace(SPEC, context_tokens=8192), FACTS).memory_mib
    wider = fit(replace(SPEC, scaling=Scaling(target_concurrency=8)), FACTS).memory_mib

    assert longer == wider == 400 + 8 * 4096 * 12 // 1024 + 96


def test_before_the_header_is_here_the_guess_is_above_what_known_models_take():
    unknown = replace(FACTS, kv_bytes_per_token=None)

    assert fit(SPEC, unknown).memory_mib > fit(SPEC, FACTS).memory_mib
    assert fit(SPEC, replace(unknown, size_mib=4200)).memory_mib > 4200 + 4 * 4096 * 128 // 1024  # Mistral 7B


def test_nobody_gets_more_context_than_the_weights_were_trained_for():
    assert fit(SPEC, FACTS).context_tokens == 4096
    assert fit(replace(SPEC, context_tokens=100_000), FACTS).context_tokens == 32_768
    assert fit(SPEC, replace(FACTS, context_tokens=1024)).context_tokens == 1024
    assert fit(SPEC, replace(FACTS, context_tokens=None)).context_tokens == 4096
    assert fit(replace(SPEC, kind=Kind.EMBEDDING), FACTS).context_tokens == 512


def test_cores_are_shared_out_and_everybody_gets_one():
    assert [threads(8, n) for n in (0, 1, 2, 3, 9)] == [8, 8, 4, 2, 1]


def test_a_quote_counts_all_awake_replicas_and_costs_nothing():
    quoted = quote(replace(SPEC, scaling=Scaling(min=2, max=2)), FACTS, budget_mib=2000)

    assert quoted.memory_mib == 2 * 688
    assert quoted.fits
    assert "2 x 688 MiB" in quoted.fit_reason
    assert (quoted.usd_per_hour, quoted.usd_per_month) == (Decimal(0), Decimal(0))
    assert quoted.cold_start_ms == 900


def test_a_model_above_the_budget_does_not_fit_and_the_reason_says_what_to_change():
    quoted = quote(SPEC, FACTS, budget_mib=600)

    assert not quoted.fits
    assert "688 MiB of this host's 600 MiB" in quoted.fit_reason
    assert "'context_tokens'" in quoted.fit_reason


def test_what_is_not_on_disk_is_a_download():
    assert quote(SPEC, FACTS, budget_mib=1000).download_mib == 0
    assert quote(SPEC, replace(FACTS, download_mib=400), budget_mib=1000).download_mib == 400
