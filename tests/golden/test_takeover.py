"""A lake that an earlier version left is taken over: what was pending is finished, what comes goes on, nothing is there twice."""

from pathlib import Path

import pytest

from tests.e2e import readings
from tests.golden import story
from tests.golden.folder import Folder
from tests.stack import Stack

VERSIONS = sorted(path.parent for path in Path(__file__).parent.glob("*/pipeline.yaml"))


class Takeover:
    """A cloud of this version that began with an earlier version's lake."""

    def __init__(self, folder: Folder, stack: Stack, answers: dict):
        self.folder, self.answers = folder, answers
        self.scenario = folder.scenario(stack)
        self.lake = self.scenario.lake
        self.before = {(item["pk"]["S"], item["sk"]["S"]): item for item in folder.read("catalog.json")}

    def epoch(self, group: str) -> int:
        """The epoch of the last reign over a group when the lake was kept."""
        return int(self.before[f"G#{group}", "IN"]["epoch"]["N"])


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda path: path.name)
def takeover(request):
    folder, answers = Folder(request.param), {}

    def load(stack):
        folder.load(stack)
        answers.update(folder.ask(stack))

    with Stack(pipeline=folder.pipeline, before_start=load) as stack:
        yield Takeover(folder, stack, answers)


def test_queries_answer_as_they_did(takeover):
    for table, rows in takeover.folder.read("answers.json").items():
        assert takeover.answers[table] == rows, table


def test_what_was_pending_is_finished(takeover):
    takeover.scenario.assert_equal(deadline=180)


def test_an_elected_run_is_published_as_it_was_staged(takeover):
    [(key, run)] = [(key, item) for key, item in takeover.before.items() if item.get("state") == {"S": "committing"}]
    [now] = takeover.lake.items(key[0].removeprefix("G#"), key[1])
    assert (now["state"], now["manifest"], now["definition"]) == ("done", run["manifest"]["S"], run["definition"]["S"])
    assert now["epoch"] > int(run["epoch"]["N"]), "by another attempt"


def test_what_comes_goes_on_where_the_lake_was(takeover):
    scenario, lake = takeover.scenario, takeover.lake
    # Older states of entities that the lake holds, deleted ones among them, and new ones.
    scenario.publish([*story.part(scenario, 5), *readings.story(scenario, 40)])
    scenario.assert_equal(deadline=180)
    assert lake.watermarks(story.GROUP).epoch > takeover.epoch(story.GROUP)
    assert lake.watermarks(readings.GROUP).epoch == takeover.epoch(readings.GROUP), "the reign of a mapping goes on"
    assert readings.out_of_order(lake) == []
    assert readings.went_back(lake) == []
