"""The grid of a sweep becomes cells, each combination once; what is wrong with it is named."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hypergeo.commands.sweep.grid import read_grid
from tests.support.sweeps import CELL, DEFAULTS, SMALL, URNS


def test_a_grid_becomes_each_combination_once():
    cells = read_grid(json.dumps(SMALL), DEFAULTS)
    samplers = [cell for cell in cells if cell.samplers]
    relaxing = [cell for cell in cells if cell.estimators == ("gumbel-softmax",)]
    others = [cell for cell in cells if cell.estimators == ("exact-marginal",)]
    assert (len(samplers), len(relaxing), len(others)) == (2 * 2 * 2 * 2, 2 * 2 * 2, 2 * 2)
    assert len(cells) == len(set(cells)) == 28
    assert {(cell.temperature, cell.num_samples, cell.seed) for cell in samplers} == {
        (temperature, number, seed) for temperature in (0.1, 1.0) for number in (50, 60) for seed in (0, 1)
    }
    assert {cell.urn.group_sizes for cell in cells} == {(4, 4, 4), (10, 10, 10)}
    assert {cell.temperature for cell in others} == {None}
    assert {cell.num_gradients for cell in samplers} == {0}
    twice = {**SMALL, "urns": URNS * 2, "temperatures": [1, 0.1, 1.0], "seeds": [0, 1, 0]}
    assert set(read_grid(json.dumps(twice), DEFAULTS)) == set(cells)


def test_what_a_grid_does_not_say_comes_from_elsewhere():
    (cell,) = read_grid(json.dumps({"urns": URNS[0]}), DEFAULTS)
    assert cell == replace(CELL, temperature=0.1, seed=0)
    (other,) = read_grid(json.dumps({"urns": URNS[0], "temperatures": 2, "seeds": [7], "level": 0.05}), DEFAULTS)
    assert other == replace(cell, temperature=2.0, seed=7, level=0.05)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("{", "not JSON: .* in line 1, column 2"),
        ("[" * 100_000, "nested too deeply"),
        ('{"urns": [' + "9" * 5000 + "]}", "thousands of digits"),
        ([], 'JSON object with a list "urns"'),
        ({"urns": []}, "at least one urn"),
        ({"urns": URNS, "temperature": [1]}, "got 'temperature'"),
        ({"urns": [{"total_count": 5}]}, r"urns\[0\] must be an object with total_count, group_sizes"),
        ({"urns": [URNS[0], {"total_count": 31, "group_sizes": "3x10"}]}, r"urns\[1\]: total_count must be at most .* got 31"),
        ({"urns": [{"total_count": 5, "group_sizes": "3y10"}]}, r"urns\[0\].group_sizes must be whole numbers"),
        ({"urns": [{"total_count": 5, "group_sizes": [10, True]}]}, "group_sizes must be a whole number .* got True"),
        ({"urns": [{"total_count": 2.5, "group_sizes": [10]}]}, "total_count must be a whole number .* got 2.5"),
        ({"urns": [{"total_count": 5, "group_sizes": [9, 9], "weights": [1]}]}, "each of the 2 groups; got 1"),
        ({"urns": [{"total_count": 5, "group_sizes": [9], "weights": ["heavy"]}]}, "weights must be numbers; got 'heavy'"),
        ({"urns": [{"total_count": 5, "group_sizes": [9, 9], "weights": [-1, 1]}]}, r"urns\[0\]: weights must"),
        ({"urns": URNS, "temperatures": [0.1, 0]}, "temperatures must be positive and finite; got 0"),
        ('{"urns": [{"total_count": 1, "group_sizes": [2]}], "temperatures": [Infinity]}', "positive and finite; got inf"),
        ({"urns": URNS, "temperatures": []}, "temperatures must not be empty"),
        ({"urns": URNS, "num_samples": [10**9]}, "num_samples must be a whole number between 1 and 100,000,000"),
        ({"urns": URNS, "seeds": [-1]}, "seeds must be a whole number between 0"),
        ({"urns": URNS, "samplers": ["gentle"]}, "samplers must be of soft, straight-through; got 'gentle'"),
        ({"urns": URNS, "estimators": [["exact"]]}, "estimators must be of score-function"),
        ({"urns": URNS, "samplers": []}, "between 1 and 100,000 cells; it has 0"),
        ({"urns": URNS, "seeds": 100_000}, "cells; it has 200,000"),
        ({"urns": URNS, "level": 1}, "level must be between 0 and 1; got 1"),
        ({"urns": URNS, "estimators": "exact", "target": [1, 2]}, "target must list .* got 2 where there are 3 groups"),
        ({"urns": URNS, "estimators": "exact", "target": [1, 2, 3], "objective": "step"}, "not with step"),
    ],
)
def test_a_bad_grid_is_refused_in_words(grid, message):
    with pytest.raises(ValueError, match=message):
        read_grid(grid if isinstance(grid, str) else json.dumps(grid), DEFAULTS)
