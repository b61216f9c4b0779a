"""Networks found in trees, and whole modules flattened."""

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.networks import state_dicts
from pmsfc_jax.weights.networks.state_dicts import (
    find_state_dicts,
    flatten_module,
    is_module,
    strip_prefix,
)
from pmsfc_jax.weights.reader.records import Record

ONE = np.ones((2, 3), np.float32)
TWO = np.zeros(4, np.float32)


def module(parameters=(), buffers=(), modules=(), **attributes) -> Record:
    state = {
        "_parameters": dict(parameters),
        "_buffers": dict(buffers),
        "_modules": dict(modules),
        **attributes,
    }
    return Record("model.Layer", state=state)


def test_the_wrappings_that_codebases_use():
    net = {"a.weight": ONE, "a.bias": TWO}
    optimizer = {"state": {0: {"exp_avg": ONE, "step": TWO}}, "param_groups": [{"lr": 0.1}]}
    tree = {
        "epoch": 3,
        "generator": {"conf": {"use_eql": True}, "state_dict": net},
        "gen_optim": optimizer,
        "models": {"generator_smooth": net},
        "latent_avg": TWO,
        "d": {},
        "args": Record("argparse.Namespace", state={"size": 32}),
        "networks": [net, (net,)],
    }
    found = find_state_dicts(tree)
    assert list(found) == [
        "generator.state_dict",
        "models.generator_smooth",
        "networks.0",
        "networks.1.0",
    ]
    assert all(list(state_dict) == ["a.weight", "a.bias"] for state_dict in found.values())
    assert found["networks.0"]["a.weight"] is ONE
    assert list(find_state_dicts(net)) == [""]
    assert find_state_dicts({"epoch": 3}) == {}
    assert find_state_dicts(ONE) == {}


def test_numbers_among_arrays_become_arrays():
    found = find_state_dicts({"lod": 0.5, "w": ONE, "s": np.float32(2)})[""]
    assert found["lod"].shape == found["s"].shape == ()
    assert found["lod"] == 0.5
    assert found["s"].dtype == np.float32


def test_data_parallel_prefixes_go():
    assert list(find_state_dicts({"module.a": ONE, "module.b": TWO})[""]) == ["a", "b"]
    assert list(strip_prefix({"module.module.a": ONE})) == ["a"]
    # The zoo's layers have one inside of their names, and not at the start of all.
    assert list(strip_prefix({"module.a": ONE, "format.module.b": TWO})) == [
        "module.a",
        "format.module.b",
    ]
    assert strip_prefix({}) == {}


def test_tensorflow_networks():
    variables = [("lod", np.float32(0)), ("4x4/Dense/weight", ONE)]
    networks = tuple(
        Record("tfutil.Network", state={"name": name, "variables": variables}) for name in "GDS"
    )
    found = find_state_dicts(networks)
    assert list(found) == ["0", "1", "2"]
    assert list(found["2"]) == ["lod", "4x4/Dense/weight"]
    assert found["2"]["lod"].shape == ()
    assert list(find_state_dicts(variables)) == [""]


def test_a_whole_module_flattens_in_the_order_of_its_state_dict():
    conv = module({"bias": TWO, "none": None, "weight_orig": ONE}, weight=ONE * 9)
    norm = module(
        {"weight": TWO},
        {"running_mean": TWO, "temporary": ONE, "absent": None},
        _non_persistent_buffers_set={"temporary"},
    )
    net = module({"const": ONE}, {"lod": TWO}, {"conv": conv, "body": module((), (), {"0": norm})})
    assert is_module(net)
    flat = flatten_module(net)
    assert list(flat) == [
        "const",
        "lod",
        "conv.bias",
        "conv.weight_orig",
        "body.0.weight",
        "body.0.running_mean",
    ]
    assert flat["conv.weight_orig"] is ONE
    assert find_state_dicts({"G_ema": net})["G_ema"].keys() == flat.keys()
    wrapped = module((), (), {"module": net})
    assert find_state_dicts(wrapped)[""].keys() == flat.keys()


def test_modules_below_foreign_objects_are_found():
    trainer = Record("trainer.Trainer", state={"netG": module({"w": ONE})})
    assert list(find_state_dicts({"trainer": trainer})) == ["trainer.netG"]


def test_what_cannot_be_flattened_says_so():
    with pytest.raises(InputError, match=r"my\.Thing is not a PyTorch module"):
        flatten_module(Record("my.Thing"))
    strange = module({"w": Record("torch.float8_e4m3fn", ((2,),))})
    with pytest.raises(InputError, match=r"a\.w is of type torch\.float8_e4m3fn"):
        flatten_module(module((), (), {"a": strange}))


def test_trees_without_end_are_an_error(monkeypatch):
    monkeypatch.setattr(state_dicts, "_MAX_SEEN", 30_000)
    cycle: dict = {}
    cycle["self"] = cycle
    with pytest.raises(InputError, match="without end"):
        find_state_dicts(cycle)
    net = module({"w": ONE})
    net.state["_modules"]["self"] = net
    with pytest.raises(InputError, match="without end"):
        flatten_module(net)
    laugh: list = []
    for _ in range(60):
        laugh = [laugh, laugh]
    with pytest.raises(InputError, match="without end"):
        find_state_dicts(laugh)
    wide = [("a", ONE)] * 200
    with pytest.raises(InputError, match="without end"):
        find_state_dicts({str(i): wide for i in range(1000)})
