"""What a whole pickled module says of itself is used, or refused by name."""

import json

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn import dcgan
from pmsfc_jax.weights.layouts.dcgan.described import described_layout
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.table import recognise
from pmsfc_jax.weights.networks.group import Layer
from pmsfc_jax.weights.reader.checkpoint import read_checkpoint
from tests.weights import native, torch_dcgan
from tests.weights.conversion import TOLERANCE, error, nchw

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
nn = torch.nn


def settled(path, layout=None, **given):
    """The conversion of a file, and the facts that were settled."""
    found = recognise(read_checkpoint(path).tree, described=layout)
    choices = Choices(found.layout.name, found.layout.options, given)
    conversion = found.layout.convert(found.group, choices)
    choices.check_all_used()
    return conversion, {c.name: (c.value, c.origin) for c in choices.settled}


def image_of(conversion, z):
    config = dcgan.config_from_dict(json.loads(json.dumps(conversion.architecture)))
    return nchw(dcgan.split_generator(config)(conversion.params, z))


def mixed(i):
    return nn.LeakyReLU(0.1 * (i + 1)) if i else nn.ReLU()


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({}, {"eps": 1e-5, "activation": "relu", "padding": 1, "output": "tanh"}),
        ({"norm": lambda i, w: nn.BatchNorm2d(w, eps=0.3)}, {"eps": 0.3}),
        ({"norm": lambda i, w: nn.BatchNorm2d(w, eps=0.1 * (i + 1))}, {"eps": [0.1, 0.2, 0.3]}),
        ({"activation": lambda i: nn.LeakyReLU(0.3)}, {"activation": "leaky_relu", "slope": 0.3}),
        ({"activation": mixed}, {"activation": ["relu", "leaky_relu", "leaky_relu"]}),
        ({"activation": lambda i: nn.ELU()}, {"activation": "elu", "slope": 1.0}),
        ({"activation": lambda i: nn.ELU(0.5)}, {"activation": "elu", "slope": 0.5}),
        (
            {"activation": lambda i: nn.Sequential(nn.ReLU(), nn.Dropout(0.5))},
            {"activation": "relu"},
        ),
    ],
    ids=["plain", "eps", "each eps", "slope", "mixed", "elu", "elu's alpha", "dropout"],
)
def test_what_it_says_is_used(tmp_path, changes, facts):
    net = torch_dcgan.build(torch, **changes)
    path = tmp_path / "whole.pth"
    torch.save(net, path)
    conversion, found = settled(path)
    for name, value in facts.items():
        assert found[name][1] == "file"
        assert found[name][0] == pytest.approx(value) if name == "eps" else value
    z = torch_dcgan.codes()
    expected = torch_dcgan.draw(torch, net, z)
    assert error(image_of(conversion, z), expected) < TOLERANCE
    if "activation" not in facts or facts["activation"] != "relu":
        # The state dict alone is another network, and says what it assumes.
        torch.save(net.state_dict(), path)
        conversion, found = settled(path)
        assert {origin for _, origin in found.values()} == {"default"}
        assert error(image_of(conversion, z), expected) > 0.005


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ({"norm": lambda i, w: nn.BatchNorm2d(w, eps=0.3)}, {"eps": 0.3}),
        (
            {"activation": lambda i: nn.LeakyReLU(0.3)},
            {"activation": "leaky_relu", "slope": 0.3},
        ),
        ({"activation": lambda i: nn.ELU()}, {"activation": "elu"}),
        ({"output": nn.Identity()}, {"output": "linear"}),
        ({"output": nn.Sigmoid()}, {"output": "sigmoid"}),
    ],
    ids=["eps", "slope", "elu", "linear", "sigmoid"],
)
def test_what_a_state_dict_cannot_say_can_be_set(tmp_path, changes, given):
    net = torch_dcgan.build(torch, **changes)
    torch.save(net.state_dict(), tmp_path / "state.pth")
    conversion, found = settled(tmp_path / "state.pth", **given)
    assert {name: found[name] for name in given} == {n: (v, "given") for n, v in given.items()}
    z = torch_dcgan.codes()
    expected = torch_dcgan.draw(torch, net, z)
    if given == {"output": "sigmoid"}:
        expected = 2 * expected - 1
    assert error(image_of(conversion, z), expected) < TOLERANCE


REFUSED = {
    "sigmoid": ({"output": nn.Sigmoid()}, "output is a Sigmoid.* add --set output=sigmoid"),
    "hard": ({"output": nn.Hardtanh()}, r"main\.10 is of class Hardtanh"),
    "silu": ({"activation": lambda i: nn.SiLU()}, r"main\.2 is of class SiLU"),
    "prelu": ({"activation": lambda i: nn.PReLU()}, r"main\.2 is of class PReLU"),
    "steep": ({"activation": lambda i: nn.ELU(2.0)}, r"main\.2 is of class ELU with alpha 2\.0"),
    "instance": (
        {"norm": lambda i, w: nn.InstanceNorm2d(w, affine=True, track_running_stats=True)},
        r"main\.1 is of class InstanceNorm2d",
    ),
    "twice": (
        {"activation": lambda i: nn.Sequential(nn.ReLU(), nn.LeakyReLU(0.1))},
        r"main\.2\.1 is of class LeakyReLU \(negative_slope=0\.1\)",
    ),
    "pooling": (
        {"activation": lambda i: nn.Sequential(nn.ReLU(), nn.AvgPool2d(3, 1, 1))},
        r"main\.2\.1 is of class AvgPool2d",
    ),
    "dilation": ({"dilation": 2}, r"main\.3 has dilation 2: only 1"),
    "rounding": ({"activation": lambda i: Rounding()}, r"main\.2 is of class Rounding"),
}


class Rounding(nn.Module):
    def forward(self, x):
        return x.round()


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_by_name(tmp_path, name):
    changes, expected = REFUSED[name]
    torch.save(torch_dcgan.build(torch, **changes), tmp_path / "whole.pth")
    with pytest.raises(InputError, match=expected) as caught:
        settled(tmp_path / "whole.pth")
    assert "\n" not in str(caught.value)


def test_no_layer_at_the_end_leaves_an_assumption(tmp_path):
    """``torch.tanh`` may stand in ``forward``."""
    torch.save(torch_dcgan.build(torch, output="none"), tmp_path / "whole.pth")
    assert settled(tmp_path / "whole.pth")[1]["output"] == ("tanh", "default")


def test_wrapped_modules_say_as_much(tmp_path):
    net = torch_dcgan.build(torch, norm=lambda i, w: nn.BatchNorm2d(w, eps=0.3))
    holder = nn.Module()
    holder.netG = nn.DataParallel(net)
    torch.save({"model": holder}, tmp_path / "whole.pth")
    assert settled(tmp_path / "whole.pth")[1]["eps"] == (0.3, "file")


def test_facts_that_change_nothing_are_refused(tmp_path):
    net = torch_dcgan.build(torch)
    torch.save(net.state_dict(), tmp_path / "state.pth")
    with pytest.raises(InputError, match="slope is of no use"):
        settled(tmp_path / "state.pth", slope=0.1)


class Doubling(nn.Module):
    def __init__(self, mode="nearest", slope=0.1):
        super().__init__()
        self.first = nn.Linear(4, 5 * 16)
        self.body = nn.Sequential(
            nn.Upsample(scale_factor=2, mode=mode),
            nn.Conv2d(5, 6, 3, padding=1),
            nn.LeakyReLU(slope),
            nn.Upsample(scale_factor=2, mode=mode),
            nn.Conv2d(6, 3, 3, padding=1),
            nn.Tanh(),
        )


STACK = [
    {"name": "first", "kind": "dense", "bias": True},
    {"name": "body.1", "kind": "plain", "padding": 1, "bias": True, "upsample": 2}
    | {"activation": "leaky_relu", "slope": 0.1},
    {"name": "body.4", "kind": "plain", "padding": 1, "bias": True, "upsample": 2},
]


@pytest.mark.parametrize(
    ("net", "changes", "expected"),
    [
        (Doubling(), {}, None),
        (
            Doubling(slope=0.2),
            {},
            r"file says that body\.2 is of class LeakyReLU \(negative_slope=0\.2\)",
        ),
        (Doubling(), {"padding": 0}, r"padding of body\.4 is 0 in the description and 1 in"),
    ],
    ids=["same", "slope", "padding"],
)
def test_descriptions_are_compared_with_the_module(tmp_path, net, changes, expected):
    stages = [*STACK[:2], STACK[2] | changes]
    (tmp_path / "stack.json").write_text(json.dumps({"stages": stages}))
    torch.save(net, tmp_path / "whole.pth")
    layout = described_layout(tmp_path / "stack.json")

    def convert():
        return settled(tmp_path / "whole.pth", layout, architecture=str(tmp_path / "stack.json"))

    if expected:
        with pytest.raises(InputError, match=expected):
            convert()
    else:
        assert convert()[0].architecture["stages"][1]["upsample"] == 2


@pytest.mark.parametrize("channels", [1, 3])
def test_one_channel_is_drawn_three_times(tmp_path, channels):
    net = torch_dcgan.build(torch, channels=channels)
    torch.save(net.state_dict(), tmp_path / "state.pth")
    conversion, _ = settled(tmp_path / "state.pth")
    z = torch_dcgan.codes()
    image = image_of(conversion, z)
    expected = np.repeat(torch_dcgan.draw(torch, net, z), 3 // channels, axis=1)
    assert error(image, expected) < TOLERANCE
    assert conversion.grey == (channels == 1)
    if conversion.grey:
        np.testing.assert_array_equal(image[:, 0], image[:, 2])


# PGGAN.


def pggan(layers, **given):
    arrays = native.draw_mganprior(1, 5, (4, 6))
    found = recognise(arrays)
    choices = Choices(found.layout.name, found.layout.options, given)
    group = found.group._replace(layers=layers)
    return found.layout.convert(group, choices).architecture


def layer(kind, **settings):
    return Layer(kind, settings, None)


@pytest.mark.parametrize(
    ("layers", "facts"),
    [
        ({"a": layer("LeakyReLU", negative_slope=0.1)}, {"slope": 0.1}),
        ({"a": layer("ReLU")}, {"slope": 0.0}),
        ({"a": layer("Upsample", mode="bilinear")}, {"upsample": "bilinear"}),
        ({"a": layer("UpsamplingNearest2d")}, {"upsample": "nearest"}),
        ({"a": layer("Tanh")}, {"output": "tanh"}),
        ({"a": layer("Hardtanh")}, {"output": "clip"}),
        ({"a": layer("PixelNormLayer", epsilon=1e-8)}, {}),
    ],
)
def test_a_pggan_s_layers_are_asked(layers, facts):
    plain = pggan({})
    assert pggan(layers) == plain | facts
    assert pggan({}, **facts) == plain | facts


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ({"a": layer("ELU")}, "a is of class ELU"),
        ({"a": layer("Sigmoid")}, "a is of class Sigmoid"),
        ({"a": layer("InstanceNorm2d")}, "a is of class InstanceNorm2d"),
        ({"a": layer("PixelNorm", eps=1e-4)}, "a is of class PixelNorm with 0.0001"),
        (
            {"a": layer("LeakyReLU", negative_slope=0.1), "b": layer("ReLU")},
            r"slope 0\.1 at a and 0\.0 at b",
        ),
        ({"a": layer("Upsample", mode="bicubic")}, "upsample is 'bicubic'"),
    ],
)
def test_a_pggan_refuses_by_name(layers, expected):
    with pytest.raises(InputError, match=expected):
        pggan(layers)


def test_a_grey_pggan_is_drawn_three_times():
    arrays = native.draw_mganprior(1, 5, (4, 6))
    grey = {n: a[:1] if n.startswith("output") else a for n, a in arrays.items()}
    found = recognise(grey)
    conversion = found.layout.convert(
        found.group, Choices(found.layout.name, found.layout.options, {})
    )
    assert conversion.grey
    kernel, bias = conversion.params["rgb8"].values()
    assert (kernel.shape, bias.shape) == ((6, 3), (3,))
    np.testing.assert_array_equal(kernel[:, :1].repeat(3, 1), kernel)
    arrays["output0.conv.weight"] = grey["output0.conv.weight"]
    other = recognise(arrays)
    with pytest.raises(InputError, match=r"output0\.conv\.weight is \(1, 4, 1, 1\)"):
        other.layout.convert(other.group, Choices(other.layout.name, other.layout.options, {}))
