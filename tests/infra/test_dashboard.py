"""The dashboard as a person sees it; `show_dashboard.py` prints how it is laid out."""

from itertools import combinations

from tests.infra.observed import Watched

COLUMNS = 24


def cells(widget: dict) -> set[tuple[int, int]]:
    """The places of the grid that a widget covers."""
    across, down = (range(widget[at], widget[at] + widget[size]) for at, size in (("x", "width"), ("y", "height")))
    return {(x, y) for x in across for y in down}


def graphs(watched: Watched) -> list[dict]:
    return [widget["properties"] for widget in watched.widgets if widget["type"] == "metric"]


def test_widgets_fill_the_grid_without_overlap(watched):
    assert not [(a, b) for a, b in combinations(watched.widgets, 2) if cells(a) & cells(b)]
    covered = set().union(*map(cells, watched.widgets))
    assert covered == {(x, y) for x in range(COLUMNS) for y in range(max(y for _, y in covered) + 1)}


def test_every_graph_draws_something_and_says_what(watched):
    titles = [graph["title"] for graph in graphs(watched)]
    assert len(set(titles)) == len(titles)
    for graph in graphs(watched):
        visible = [line for line in graph["metrics"] if not (isinstance(line[-1], dict) and line[-1].get("visible") is False)]
        assert visible and len(visible) <= 10, graph["title"]


def test_an_expression_takes_up_the_series_it_means(watched):
    for graph in graphs(watched):
        expressions = [line[0] for line in graph["metrics"] if isinstance(line[0], dict)]
        ids = [line[-1]["id"] for line in graph["metrics"] if isinstance(line[0], str) and "id" in line[-1]]
        assert len(set(ids)) == len(ids), graph["title"]
        for expression in expressions:
            if "SORT(" in expression["expression"]:
                assert len({line[1] for line in graph["metrics"] if isinstance(line[0], str)}) == 1, graph["title"]
            else:
                part = expression["expression"].split('"')[1]
                taken = {line[1] for line in graph["metrics"] if isinstance(line[0], str) and part in line[-1]["id"]}
                assert taken == {expression["label"]}, graph["title"]


def test_alarms_come_first_and_are_all_there(watched):
    [alarms] = [widget for widget in watched.widgets if widget["type"] == "alarm"]
    assert all(alarms["y"] < widget["y"] for widget in watched.widgets if widget["type"] == "metric")
    shown = {arn.rsplit(":", 1)[1] for arn in alarms["properties"]["alarms"]}
    assert len(shown) == 100
    important = {alarm["AlarmName"] for alarm in watched.alarms if "Warning:" not in alarm["AlarmDescription"]}
    assert important <= shown


def test_names_begin_with_the_lake(watched):
    assert all(alarm["AlarmName"].startswith("foz-flights-") for alarm in watched.alarms)
