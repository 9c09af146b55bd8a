"""Terraform and the emulator agree: what was applied is read back as it was, also from a kept state and at another endpoint."""

import hashlib

import pytest
import yaml

from tests.infra.local import PIPELINE, Local


@pytest.fixture
def fresh(tmp_path):
    """An AWS with nothing in it."""
    local = Local(tmp_path)
    yield local
    local.close()


def test_an_apply_leaves_nothing_to_change_wherever_it_started_from(fresh):
    first = fresh.apply()
    assert fresh.plan() == "No changes."
    fresh.close()
    second = fresh.apply()
    assert fresh.plan() == "No changes."
    assert second == first | {"hint_queue_url": second["hint_queue_url"]}
    assert second["hint_queue_url"].startswith(fresh.endpoint)


def test_the_definition_is_written_out_with_its_defaults_and_its_sql_inside(fresh, tmp_path):
    text = PIPELINE.read_text()
    folder = tmp_path / "mine"
    (folder / "q").mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(text.replace("transform: two_streams.sql", "transform: q/a.sql # mine"))
    (folder / "q/a.sql").write_text("SELECT flight_id, tailnum, status, updated_at, '<ü & \"n\">' AS x -- ${not a template}\nFROM messages")
    outputs = fresh.apply(folder / "pipeline.yaml")
    stored = fresh.client("s3").get_object(Bucket=outputs["bucket"], Key=outputs["definition"])["Body"].read()
    flights = yaml.safe_load(stored)["streams"]["flights"]
    assert flights["transform"] == (folder / "q/a.sql").read_text()
    assert list(flights["columns"]) == ["flight_id", "tailnum", "status", "dep_delay", "updated_at"]
    assert (flights["max_latency"], flights["buckets"]) == ("1s", 16)
    assert outputs["definition"] == f"config/{hashlib.sha256(stored).hexdigest()}.yaml"


def test_input_40_the_same_lake_in_another_region_is_refused_before_anything_is_made(local):
    there = ["-state=elsewhere.tfstate", "-var=region=eu-west-1"]
    refused = local.run("plan", *there)
    assert refused.returncode == 1
    said = " ".join(refused.stderr.replace("│", " ").split())
    assert "a lake named foz-two-streams in us-east-1 already" in said
    assert 'name = "foz-two-streams-eu-west-1"' in said
    planned = local.run("plan", *there, "-var=name=foz-two-streams-eu-west-1")
    assert planned.returncode == 0, planned.stderr
    assert "foz-two-streams-eu-west-1-dispatch" in planned.stdout
