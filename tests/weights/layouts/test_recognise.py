"""Which network of a file is taken, wherever it stands and whatever wraps it."""

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.layouts.table import recognise
from pmsfc_jax.weights.reader.records import Record
from tests.weights import native_dcgan
from tests.weights.conversion import converted
from tests.weights.layouts.test_strict import NETWORKS, WIDTHS

PREFIXES = [
    "generator",
    "netG",
    "ema_model",
    "model",
    "model.generator",
    "_orig_mod.generator.module",
    "module._orig_mod.netG",
    "trainer.model._orig_mod.module.G",
]
# TensorFlow's names have no dots, and rosinality's file is a dict of one network.
DOTTED = [name for name in NETWORKS if name != "pggan_tf"]


def prefixed(arrays, prefix):
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


@pytest.mark.parametrize("layout", DOTTED)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_networks_are_found_by_dotted_prefix(layout, prefix):
    arrays, options = NETWORKS[layout]
    others = {"discriminator.conv1.weight": np.ones((3, 2)), "loss.weight": np.ones(4)}
    tree = {"state_dict": {**others, **prefixed(arrays, prefix)}, "epoch": 3}
    found = recognise(tree)
    assert found.layout.name == layout
    # The zoo's own layers stand in wrappers too.
    plain = {name.replace(".module.", "."): array for name, array in arrays.items()}
    assert found.group.arrays.keys() == plain.keys()
    if options:
        return
    params = converted(tree).params
    assert params.keys() == converted(arrays).params.keys()


@pytest.mark.parametrize("layout", DOTTED)
@pytest.mark.parametrize(
    ("raw", "average"),
    [
        ("netG", "netG_ema"),
        ("generator", "generator_avg"),
        ("G", "G_running"),
        ("model.G", "shadow.G"),
        ("generator", "swa_generator"),
        ("online_model", "ema_model"),
        ("weights", "average_weights"),
    ],
)
def test_averages_are_preferred_in_every_layout(layout, raw, average):
    arrays, _ = NETWORKS[layout]
    for order in ((raw, average), (average, raw)):
        nested = {name: dict(arrays) for name in order}
        flat = {key: value for name in order for key, value in prefixed(arrays, name).items()}
        for tree in (nested, flat, {"models": nested}):
            assert recognise(tree).name == average
    assert recognise(nested, raw).name == raw


def test_an_average_known_by_its_counter_is_preferred():
    arrays, _ = NETWORKS["dcgan_pytorch_examples"]
    averaged = {"n_averaged": np.array(9), **prefixed(arrays, "module")}
    assert recognise({"first": arrays, "second": averaged}).name == "second"
    found = recognise({**prefixed(arrays, "a"), **prefixed(averaged, "b")})
    assert found.name == "b"
    assert found.group.passed_over == {"n_averaged": "a counter of averaging"}


def test_a_discriminator_in_the_keys_of_a_generator_is_not_taken():
    """The codebase's discriminator has keys like ``main.3.weight`` too, of other kinds."""
    generator, _ = NETWORKS["dcgan_pytorch_examples"]
    other = native_dcgan.pytorch_examples(2, 5, WIDTHS)
    for names in (("netG", "netD"), ("G", "D"), ("generator", "discriminator"), ("gen", "critic")):
        for tree in (
            dict(zip(names, (generator, other), strict=True)),
            prefixed(generator, names[0]) | prefixed(other, names[1]),
        ):
            assert recognise(tree).name == names[0]
            assert recognise(tree, names[1]).name == names[1]
    averages = {"netD_ema": other, "netG_ema": generator, "netG": other, "netD": other}
    assert recognise(averages).name == "netG_ema"


def test_one_entry_that_is_no_array_spoils_no_network():
    arrays, _ = NETWORKS["dcgan_pytorch_examples"]
    plain = converted(arrays)
    strange = {
        "arch": "dcgan",
        "step": np.array(7),
        "epoch": 3,
        "done": True,
        "scheduler": None,
        "mask": Record("torch._utils._rebuild_sparse_tensor", ()),
        "small": Record("safetensors.F8_E4M3", ()),
        "config": {"nz": 100},
        "history": [1.0, 2.0],
    }
    for name, value in strange.items():
        tree = {**arrays, name: value}
        assert list(recognise(tree).group.passed_over) == [name]
        got = converted(tree)
        assert got.architecture == plain.architecture
        np.testing.assert_array_equal(
            got.params["stage0"]["kernel"], plain.params["stage0"]["kernel"]
        )
    assert list(recognise({**arrays, **strange}).group.passed_over) == [
        "arch",
        "scheduler",
        "mask",
        "small",
        "config",
        "history",
        "step",
        "epoch",
        "done",
    ]


def test_an_array_that_is_of_no_use_is_still_an_error():
    arrays, _ = NETWORKS["dcgan_pytorch_examples"]
    with pytest.raises(InputError, match=r"not used by this layout: main\.1\.scale \(4\)"):
        converted({**arrays, "main.1.scale": np.ones(4)})


def test_names_of_many_parts_take_no_time():
    tree = {".".join("abcdefghijkl") + f".{i}.weight": np.ones(2) for i in range(2000)}
    with pytest.raises(InputError, match="no known layout"):
        recognise(tree)
