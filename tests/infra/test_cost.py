"""The arithmetic of docs/cost.md is right, and counts as many alarms as there are."""

import re

import pytest

from scripts.environment import ROOT

COST = (ROOT / "docs/cost.md").read_text()
SUMS = re.findall(r"`([0-9 ,.×+/()-]+) = ([0-9,.]+)`", COST)
PLAIN = str.maketrans({"×": "*", ",": None})


@pytest.mark.parametrize(("calculation", "result"), SUMS)
def test_a_sum_is_right(calculation, result):
    expected = float(result.translate(PLAIN))
    digits = len(result.partition(".")[2])
    # Only digits, points, parentheses and the four operators: the pattern above lets nothing else in.
    assert eval(calculation.translate(PLAIN)) == pytest.approx(expected, abs=0.51 * 10**-digits)  # noqa: S307


def test_there_are_sums():
    assert len(SUMS) == COST.count(" = ")


def test_it_counts_the_alarms_that_there_are(watched):
    [groups, streams, functions, lake] = map(int, re.search(r"\((\d+) × 1 \+ (\d) × 4 \+ (\d) × 5 \+ (\d)\) × 0\.10", COST).groups())
    spoken_for = groups - 5
    # Of the twelve groups the bridge holds two; one stream is mapped, which is an alarm instead of the bridge's.
    assert len(watched.alarms) == 5 * 12 + spoken_for * 2 + 1 + streams * 14 + functions * 5 + lake
