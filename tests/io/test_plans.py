import json

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.plans import (
    PlannedBatch,
    load_plan,
    present_batches,
    save_plan,
    with_batches,
)

PLAN = [
    PlannedBatch((("a", "1"), ("b", "2")), 2),
    PlannedBatch((("c", "3"),), 2),
]
PRESENT = {"a": "1", "b": "2", "c": "3", "d": "4"}


def test_a_plan_comes_back(tmp_path):
    path = tmp_path / "batches.json"
    assert load_plan(path) == []
    save_plan(path, PLAN)
    assert load_plan(path) == PLAN


@pytest.mark.parametrize("present", [{"a": "1", "c": "3"}, PRESENT | {"b": "other"}])
def test_a_batch_that_lost_a_photograph_is_none(present):
    assert present_batches(PLAN, PRESENT) == PLAN
    assert present_batches(PLAN, present) == PLAN[1:]


def test_new_photographs_come_at_the_end():
    new = [PlannedBatch((("d", "4"),), 1)]
    assert with_batches(PLAN, new) == [*PLAN, *new]
    assert with_batches([], PLAN) == PLAN
    assert with_batches(PLAN, []) == PLAN


def test_a_batch_that_was_split_stands_as_its_parts():
    parts = [PlannedBatch((("a", "1"),), 1), PlannedBatch((("b", "2"),), 1)]
    assert with_batches(PLAN, parts) == [*parts, PLAN[1]]


def test_photographs_that_are_planned_anew_leave_their_old_batches():
    new = [PlannedBatch((("b", "9"), ("c", "3")), 2)]
    assert with_batches(PLAN, new) == new


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": 2}',
        '{"format": 2, "batches": [{"images": [["a"]], "size": 1}]}',
        '{"format": 2, "batches": [{"images": [["a", "1"], ["b", "2"]], "size": 0}]}',
        '{"format": 2, "batches": [{"images": [], "size": 1}]}',
    ],
)
def test_damage_is_an_error(tmp_path, text):
    path = tmp_path / "batches.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"batches\.json is damaged"):
        load_plan(path)


@pytest.mark.parametrize(("number", "words"), [(1, "an earlier"), (3, "a newer")])
def test_another_version_is_told(tmp_path, number, words):
    path = tmp_path / "batches.json"
    path.write_text(json.dumps({"format": number, "batches": []}))
    with pytest.raises(InputError, match=rf"batches\.json is of {words} version of pmsfc_jax"):
        load_plan(path)


def test_the_file_is_plain_json(tmp_path):
    path = tmp_path / "batches.json"
    save_plan(path, PLAN)
    content = json.loads(path.read_text())
    assert content["format"] == 2
    assert content["batches"][1] == {"images": [["c", "3"]], "size": 2}
