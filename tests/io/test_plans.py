import json

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.plans import PlannedBatch, load_plan, save_plan

PLAN = [
    PlannedBatch((("a", "1"), ("b", "2")), 2),
    PlannedBatch((("c", "3"),), 2),
]
PRESENT = {"a": "1", "b": "2", "c": "3", "d": "4"}


def test_a_plan_comes_back(tmp_path):
    path = tmp_path / "batches.json"
    assert load_plan(path, PRESENT) == []
    save_plan(path, PLAN)
    assert load_plan(path, PRESENT) == PLAN


@pytest.mark.parametrize("present", [{"a": "1", "c": "3"}, PRESENT | {"b": "other"}])
def test_a_batch_that_lost_a_photograph_is_none(tmp_path, present):
    path = tmp_path / "batches.json"
    save_plan(path, PLAN)
    assert load_plan(path, present) == PLAN[1:]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": 1}',
        '{"format": 2, "batches": []}',
        '{"format": 1, "batches": [{"images": [["a"]], "size": 1}]}',
        '{"format": 1, "batches": [{"images": [["a", "1"], ["b", "2"]], "size": 1}]}',
        '{"format": 1, "batches": [{"images": [], "size": 1}]}',
    ],
)
def test_damage_is_an_error(tmp_path, text):
    path = tmp_path / "batches.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"batches\.json is damaged"):
        load_plan(path, PRESENT)


def test_the_file_is_plain_json(tmp_path):
    path = tmp_path / "batches.json"
    save_plan(path, PLAN)
    content = json.loads(path.read_text())
    assert content["batches"][1] == {"images": [["c", "3"]], "size": 2}
