"""What is read out of a compiled TPU program, on a small text of the compiler's form."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHILE = "while(%tuple.9), condition=%while_condition, body=%while_body"
TEXT = """HloModule jit_advance

%fused_a (p.0: f32[8,4,4,8], p.1: f32[3,3,8,8]) -> f32[8,4,4,8] {
  %p.0 = f32[8,4,4,8]{3,2,1,0:T(8,128)} parameter(0)
  %p.1 = f32[3,3,8,8]{3,2,1,0:T(8,128)} parameter(1)
  ROOT %c = f32[8,4,4,8]{3,2,1,0} convolution(%p.0, %p.1), dim_labels=b01f_01io->b01f
}

%fused_b (p.2: f32[8,8]) -> f32[8,8] {
  %p.2 = f32[8,8]{1,0} parameter(0)
  ROOT %t = f32[8,8]{0,1} transpose(%p.2), dimensions={1,0}
}

%inner_body (q: (s32[], f32[8,8])) -> (s32[], f32[8,8]) {
  %q = (s32[], f32[8,8]{1,0}) parameter(0)
  %dot.1 = f32[8,8]{1,0} convolution(%q), dim_labels=bf_io->bf, backend_config={"estimated_cycles":"7"}
  ROOT %r = (s32[], f32[8,8]{1,0}) tuple(%q, %dot.1)
}

%inner_condition (q.1: (s32[], f32[8,8])) -> pred[] {
  %limit = s32[]{:T(128)} constant(5)
  %q.1 = (s32[], f32[8,8]{1,0}) parameter(0)
  %i = s32[]{:T(128)} get-tuple-element(%q.1), index=0
  ROOT %lt = pred[]{:T(512)} compare(%i, %limit), direction=LT
}

%while_body (w: (s32[], f32[8,8])) -> (s32[], f32[8,8]) {
  %w = (s32[], f32[8,8]{1,0}) parameter(0)
  %fusion.1 = (f32[8]{0}, /*index=1*/f32[8,4,4,8]{3,2,1,0}) fusion(%w), kind=kOutput, calls=%fused_a, metadata={op_name="jit(advance)/conv"}, backend_config={"estimated_cycles":"100"}
  %fusion.2 = f32[8,8]{0,1} fusion(%w), kind=kLoop, calls=%fused_b, backend_config={"estimated_cycles":"30"}
  ROOT %while.1 = (s32[], f32[8,8]{1,0}) while(%w), condition=%inner_condition, body=%inner_body
}

%while_condition (w.1: (s32[], f32[8,8])) -> pred[] {
  %w.1 = (s32[], f32[8,8]{1,0}) parameter(0)
  %j = s32[]{:T(128)} get-tuple-element(%w.1), index=0
  %n = s32[]{:T(128)} get-tuple-element(%w.1), index=1
  ROOT %lt.1 = pred[]{:T(512)} compare(%j, %n), direction=LT
}

ENTRY %main (a: f32[8,8]) -> f32[8,8] {
  %a = f32[8,8]{1,0:T(8,128)} parameter(0), sharding={replicated}
  %add.1 = f32[8,8]{1,0} add(%a, %a), backend_config={"estimated_cycles":"11"}
  %tuple.9 = (s32[], f32[8,8]{1,0}) tuple(%a, %add.1)
  %while.2 = (s32[], f32[8,8]{1,0}) WHILE
  ROOT %out = f32[8,8]{1,0} get-tuple-element(%while.2), index=1
}
""".replace("WHILE", WHILE)  # noqa: E501


@pytest.fixture(scope="module")
def tpu_program():
    spec = importlib.util.spec_from_file_location(
        "tpu_program", ROOT / "benchmarks" / "tpu_program.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_step_is_one_turn_of_the_outer_loop_with_all_turns_of_the_inner_ones(tpu_program):
    found = tpu_program.cost(TEXT, unknown_turns=1000)
    assert found.cycles == 100 + 30 + 5 * 7
    assert found.outside == 11
    assert found.by_kind == {"convolution": 100, "matrix product": 35, "move": 30}
    assert found.collectives == {}
    dearest = found.kernels[0]
    assert (dearest.name, dearest.operation) == ("fusion.1", "jit(advance)/conv")
    assert [(k.runs, k.cycles) for k in found.kernels] == [(1, 100), (5, 35), (1, 30)]


def test_lengths_that_are_not_known_are_taken_from_the_caller(tpu_program):
    text = TEXT.replace("compare(%i, %limit)", "compare(%i, %i)")
    assert tpu_program.cost(text, unknown_turns=9).cycles == 130 + 9 * 7


def test_a_program_without_a_loop_is_one_step(tpu_program):
    text = TEXT.replace(WHILE, "tuple(%tuple.9)")
    assert tpu_program.cost(text, unknown_turns=9).by_kind == {"elementwise": 11}


def test_collectives_are_counted_wherever_they_are(tpu_program):
    text = TEXT.replace("transpose(%p.2)", "all-to-all(%p.2)")
    text = text.replace("add(%a, %a)", "all-reduce-start(%a)")
    found = tpu_program.cost(text, unknown_turns=9)
    assert found.collectives == {"all-reduce": 1, "all-to-all": 1}
