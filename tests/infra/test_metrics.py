"""Dashboard and alarms name exactly the metrics that the code emits, with the dimensions under which it emits them."""

from tests.infra import registry
from tests.infra.observed import GROUPS, STREAMS, Watched
from tests.infra.registry import Metric


def drawn(watched: Watched) -> set[tuple[str, frozenset[str]]]:
    """Our metrics on the dashboard: name, and names of dimensions."""
    lines = [line for widget in watched.widgets for line in widget["properties"].get("metrics", [])]
    ours = [[part for part in line if isinstance(part, str)] for line in lines if line[0] == registry.namespace()]
    return {(line[1], frozenset(line[2::2])) for line in ours}


def alarmed(watched: Watched) -> set[tuple[str, frozenset[str]]]:
    """Our metrics that have an alarm."""
    ours = [alarm for alarm in watched.alarms if alarm["Namespace"] == registry.namespace()]
    return {(alarm["MetricName"], frozenset(dimension["Name"] for dimension in alarm["Dimensions"])) for alarm in ours}


def test_every_registered_metric_is_on_the_dashboard_and_no_other(watched):
    assert drawn(watched) == {(metric.name, metric.dimensions) for metric in registry.metrics().values()}


def test_alarms_watch_registered_metrics(watched):
    known = {(metric.name, metric.dimensions) for metric in registry.metrics().values()}
    assert alarmed(watched) and alarmed(watched) <= known


def test_what_a_bridge_tells_of_a_group_is_alarmed_and_so_is_its_silence(watched):
    told = {"Holding", "OldestUnacknowledged", "Ready", "DeadLetters", "QueuesUnfit", "Strangers", "ConsumesRefused", "Redelivered"}
    assert told <= {name for name, _ in alarmed(watched)}
    [unheld] = [alarm for alarm in watched.alarms if alarm["AlarmName"] == "foz-flights-unheld-s0"]
    [mapping] = [alarm for alarm in watched.alarms if alarm["AlarmName"] == "foz-flights-mapping-silent-s1"]
    assert (unheld["TreatMissingData"], mapping["TreatMissingData"]) == ("breaching", "breaching")


def test_alarms_compare_durations_in_the_unit_in_which_they_are_emitted(watched):
    thresholds = {(alarm["MetricName"], alarm["Threshold"]) for alarm in watched.alarms}
    for name, seconds in (("OldestPending", 3 * 60), ("ConsolidationDuration", 20)):
        assert registry.metrics()[name].unit == "Milliseconds"
        assert (name, seconds * 1000.0) in thresholds


def test_every_group_and_stream_has_its_series(watched):
    lines = [line for widget in watched.widgets for line in widget["properties"].get("metrics", [])]
    series = {(line[1], *line[4:6]) for line in lines if line[0] == registry.namespace()}
    assert {("OldestPending", "group", str(group["name"])) for group in GROUPS} <= series
    assert {("MessagesIn", "stream", stream) for stream in STREAMS} <= series


def test_a_lake_is_told_from_others(watched):
    of_lake = {"Name": "lake", "Value": "foz-flights"}
    assert all(of_lake in alarm["Dimensions"] for alarm in watched.alarms if alarm["Namespace"] == registry.namespace())
    lines = [line for widget in watched.widgets for line in widget["properties"].get("metrics", []) if line[0] == registry.namespace()]
    assert lines and all(line[2:4] == ["lake", "foz-flights"] for line in lines)


def test_the_registry_is_read_whole():
    metrics = registry.metrics()
    assert metrics["RunDuration"] == Metric("RunDuration", "Milliseconds", frozenset({"lake", "group", "engine"}))
    assert metrics.keys() >= {"MessagesIn", "ConsolidationDuration"}
