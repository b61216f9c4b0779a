"""Networks found in trees, and whole modules flattened."""

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.networks import visit
from pmsfc_jax.weights.networks.find import find_groups
from pmsfc_jax.weights.networks.module import flatten_module, is_module
from pmsfc_jax.weights.networks.names import by_prefix, is_average, unwrapped, words
from pmsfc_jax.weights.reader.records import Record
from tests.weights.state_dicts import find_state_dicts

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
    alone = found.pop("")
    assert list(alone) == ["epoch", "latent_avg"]
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


def test_wrappers_go_wherever_they_stand():
    assert list(find_state_dicts({"module.a": ONE, "module.b": TWO})[""]) == ["a", "b"]
    for name in (
        "module.module.net.a",
        "_orig_mod.module.net.a",
        "module._orig_mod.net.a",
        "net._orig_mod.a",
        "net.module._orig_mod.module.a",
        "_fsdp_wrapped_module.net._checkpoint_wrapped_module.a",
        "_forward_module.net.a",
    ):
        assert list(unwrapped({name: ONE, "b": TWO})) == ["net.a", "b"]
    # Words that merely look like them stay, and so do names that would become one.
    assert list(unwrapped({"modules.a": ONE, "my_module.b": TWO})) == ["modules.a", "my_module.b"]
    assert list(unwrapped({"module.a": ONE, "a": TWO})) == ["module.a", "a"]
    assert list(unwrapped({"module": ONE})) == ["module"]
    assert unwrapped({}) == {}


def test_one_entry_that_is_no_array_neither_hides_nor_spoils_the_rest():
    others = {
        "arch": "dcgan",
        "scheduler": None,
        "sparse": Record("torch._utils._rebuild_sparse_tensor", (1,)),
        "small": Record("torch.float8_e4m3fn", ((2,),)),
        "raw": b"x",
        "best": 1 + 2j,
        "history": [1, 2],
        "options": {"lr": 0.1},
    }
    group = find_groups({"a.weight": ONE, **others, "a.bias": TWO})[0]
    assert list(group.arrays) == ["a.weight", "a.bias"]
    assert group.passed_over == {
        "arch": "text",
        "scheduler": "nothing",
        "sparse": "a sparse tensor",
        "small": "of type torch.float8_e4m3fn",
        "raw": "bytes",
        "best": "a number",
        "history": "a list",
        "options": "a dict",
    }


def test_a_subclass_of_a_dict_is_a_dict():
    ordered = Record("__main__.Ordered", items={"a.weight": ONE})
    assert list(find_state_dicts({"net": ordered})) == ["net"]
    with_state = Record("lib.Tree", items={"a.weight": ONE}, state={"_metadata": 3})
    assert list(find_state_dicts(with_state)[""]) == ["a.weight"]


def test_networks_beside_one_another_are_told_apart_by_their_prefix():
    (group,) = find_groups({"state_dict": {"G.a": ONE, "D.a": TWO, "G.b.c": TWO, "step": 3}})
    parts = list(by_prefix(group))
    assert [part.path for part in parts] == ["state_dict.G", "state_dict.D"]
    assert [list(part.arrays) for part in parts] == [["a", "b.c"], ["a"]]


@pytest.mark.parametrize(
    ("path", "average"),
    [
        ("netG_ema", True),
        ("avgG", True),
        ("g_running", True),
        ("shadow_generator", True),
        ("generator_smooth", True),
        ("netG_EMA", True),
        ("modelEma", True),
        ("swa_model.generator", True),
        ("ema_model", True),
        ("model_ema.state_dict", True),
        ("weights.average", True),
        ("netG", False),
        ("schema", False),
        ("generator", False),
        ("", False),
    ],
)
def test_what_averages_are_called(path, average):
    assert is_average(find_groups({"a": ONE})[0]._replace(path=path)) is average


def test_words_of_a_path():
    assert words("netG_ema") == {"net", "g", "ema"}
    assert words("swaModel.GEma2") == {"swa", "model", "g", "ema"}


def test_a_counter_of_averaging_makes_an_average():
    counter = np.array(7)
    (group,) = find_groups({"n_averaged": counter, "module.a": ONE})
    assert (list(group.arrays), group.averaged) == (["a"], True)
    assert is_average(group)
    (outer,) = find_groups({"G.a": ONE, "mean.n_averaged": counter, "mean.module.a": ONE})
    raw, mean = by_prefix(outer)
    assert (is_average(raw), is_average(mean)) == (False, True)
    assert list(mean.arrays) == ["a"]


def test_layers_say_what_they_are():
    act = module(negative_slope=0.1, inplace=True, _hidden=3)
    act.class_name = "torch.nn.modules.activation.LeakyReLU"
    conv = module({"weight": ONE}, stride=[2, 2], padding="same", hook=Record("x"))
    body = module((), (), {"0": conv, "1": module((), (), {"module": act})})
    body.class_name = "torch.nn.modules.container.Sequential"
    (group,) = find_groups({"G": module((), (), {"main": body, "other": conv})})
    assert list(group.layers) == ["main.0", "main.1", "other"]
    conv_said, act_said, other = group.layers.values()
    assert (conv_said.kind, conv_said.sequence) == ("Layer", "main")
    assert conv_said.settings == {"stride": (2, 2), "padding": "same"}
    assert act_said.kind == "LeakyReLU"
    assert act_said.settings == {"negative_slope": 0.1, "inplace": True}
    assert other.sequence is None
    (inner,) = (part for part in by_prefix(group) if part.path == "G.main")
    assert inner.layers["0"].sequence == ""


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
    flat = flatten_module(net).arrays
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
    flat = flatten_module(module({"b": ONE}, (), {"a": strange}))
    assert list(flat.arrays) == ["b"]
    assert flat.passed_over == {"a.w": "of type torch.float8_e4m3fn"}


def test_trees_without_end_are_an_error(monkeypatch):
    monkeypatch.setattr(visit, "_MAX_SEEN", 30_000)
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
