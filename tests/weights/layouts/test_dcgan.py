"""DCGAN's layouts: parity, shapes that no fixture has, traps, and stacks that a user describes."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn import dcgan
from pmsfc_jax.registry import load_generator
from pmsfc_jax.weights.convert import convert_checkpoint
from pmsfc_jax.weights.layouts.dcgan.described import described_layout
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.table import recognise
from pmsfc_jax.weights.reader.checkpoint import read_checkpoint
from tests.weights import native_dcgan
from tests.weights.conversion import TOLERANCE, converted, error, nchw, short
from tests.weights.maths import channels, conv, leaky, nearest

FAR = 0.02
FILES = [
    "dcgan_pytorch_examples/netG_epoch_24.pth",
    "dcgan_pytorch_examples/netG_epoch_24_legacy.pth",
    "dcgan_pytorch_examples/netG_dataparallel.pth",
    "dcgan_fletchersarip93/checkpoint.pt",
    "dcgan_chienliu/weights.tar",
]


def generator_of(conversion):
    architecture = json.loads(json.dumps(conversion.architecture))
    return dcgan.split_generator(dcgan.config_from_dict(architecture))


def image_of(conversion, z):
    return nchw(generator_of(conversion)(conversion.params, np.asarray(z, np.float32)))


@pytest.mark.shared
@pytest.mark.parametrize("file", FILES)
def test_images_and_features_at_every_cut(shared, file):
    path = shared / "checkpoints" / file
    io = np.load(path.parent / "io.npz")
    conversion = converted(read_checkpoint(path).tree)
    generator = generator_of(conversion)
    features = {key.removeprefix("feat__") for key in io.files if key.startswith("feat__")}
    assert len(features) >= 3
    assert features <= set(conversion.native_cuts)
    assert sorted(conversion.native_cuts.values()) == [*range(generator.spec.num_layers)]
    for cut, layer in conversion.native_cuts.items():
        h, context = generator.head(conversion.params, io["z"], layer=layer)
        image = generator.tail(conversion.params, h, context, layer=layer)
        assert error(nchw(image), io["image"]) < TOLERANCE
        if cut in features:
            expected = io[f"feat__{cut}"]
            assert error(nchw(h)[: len(expected)], expected) < TOLERANCE


def shifts_lost(config, params):
    return config, {name: stage | {"bias": 0 * stage["bias"]} for name, stage in params.items()}


def stage(layer, **changes):
    def undo(config, params):
        stages = list(config.stages)
        stages[layer] = replace(stages[layer], **changes)
        return replace(config, stages=tuple(stages)), params

    return undo


def kernel(layer, change):
    def undo(config, params):
        params[f"stage{layer}"]["kernel"] = change(params[f"stage{layer}"]["kernel"]).copy()
        return config, params

    return undo


def biasless(config, params):
    params["stage4"]["bias"] *= 0
    return config, params


def output(config, params):
    return replace(config, output="linear"), params


def turned(kernel):
    return np.flip(kernel, (0, 1))


TRAPS = [
    (FILES[3], "stage 0 has no activation", stage(0, activation="leaky_relu")),
    (FILES[3], "the others have", stage(2, activation="linear")),
    (FILES[3], "slope 0.2", stage(2, slope=0.01)),
    (FILES[3], "stage 1 is plain", kernel(1, turned)),
    (FILES[3], "stage 0 is transposed", kernel(0, turned)),
    (FILES[3], "stage 3 is transposed", kernel(3, turned)),
    (FILES[3], "stage 4 has a bias", biasless),
    (FILES[3], "norms shift", shifts_lost),
    (FILES[3], "tanh", output),
    (FILES[0], "stage 0 has a ReLU", stage(0, activation="linear")),
    (FILES[0], "not a leaky one", stage(1, activation="leaky_relu")),
    (FILES[0], "transposed", kernel(2, turned)),
    (FILES[0], "norms shift", shifts_lost),
    (FILES[0], "tanh", output),
]


@pytest.mark.shared
@pytest.mark.parametrize(("file", "what", "undo"), TRAPS, ids=short)
def test_undone_handling_shows(shared, file, what, undo):
    path = shared / "checkpoints" / file
    io = np.load(path.parent / "io.npz")
    conversion = converted(read_checkpoint(path).tree)
    config, params = undo(
        dcgan.config_from_dict(conversion.architecture), copy.deepcopy(conversion.params)
    )
    got = nchw(dcgan.split_generator(config)(params, io["z"]))
    assert error(got, io["image"]) > FAR


@pytest.mark.shared
def test_the_prior_of_the_real_generator_is_that_of_its_codes(shared):
    path = shared / "checkpoints" / FILES[3]
    z = np.load(path.parent / "io.npz")["z"]
    conversion = converted(read_checkpoint(path).tree)
    assert conversion.architecture["prior"] == "uniform"
    assert z[1:].std() == pytest.approx(3**-0.5, rel=0.1)
    assert np.abs(z[1:]).max() <= 1


@pytest.mark.parametrize("widths", [(4,), (7, 5), (6, 6, 6), (3, 8, 4, 5, 2, 4)], ids=str)
def test_pytorch_examples_of_any_depth_and_width(widths):
    arrays = native_dcgan.pytorch_examples(1, 5, widths, counters=True)
    conversion = converted(arrays)
    generator = generator_of(conversion)
    assert generator.spec.image_shape[0] == 4 * 2 ** len(widths)
    assert [shape[2] for shape in generator.spec.feature_shapes] == list(widths)
    z = np.random.default_rng(2).standard_normal((2, 5))
    expected = native_dcgan.forward_pytorch_examples(arrays, z)
    assert error(image_of(conversion, z), expected) < TOLERANCE


@pytest.mark.parametrize(("widths", "plain"), [((4,), ()), ((6, 6), (1,)), ((5, 7, 3, 4), (2, 3))])
def test_fletchersarip93_of_any_depth_and_width(widths, plain):
    arrays = native_dcgan.fletchersarip93(1, 5, widths, plain, counters=True)
    conversion = converted(arrays)
    z = np.random.default_rng(2).uniform(-1, 1, (2, 5))
    expected = native_dcgan.forward_fletchersarip93(arrays, z)
    assert error(image_of(conversion, z), expected) < TOLERANCE


def test_the_generator_is_taken_and_the_discriminator_is_none():
    generator = native_dcgan.pytorch_examples(1, 5, (4, 6))
    discriminator = {
        "main.0.weight": np.ones((4, 3, 4, 4), np.float32),
        "main.2.weight": np.ones((8, 4, 4, 4), np.float32),
        "main.3.weight": np.ones(8, np.float32),
    }
    assert recognise({"netD": discriminator, "netG": generator}).name == "netG"
    with pytest.raises(InputError, match="no known layout"):
        recognise(discriminator)


@pytest.mark.parametrize("variance", [-1.0, -1e-5])
def test_a_negative_variance_is_damage(variance):
    arrays = native_dcgan.pytorch_examples(1, 5, (4,))
    arrays["main.1.running_var"][2] = variance
    with pytest.raises(InputError, match="not positive"):
        converted(arrays)


# Stacks of no known codebase.

NORMED = {"norm_epsilon": 0.8}
DENSE = [
    ("l1.0", "dense", 6, 2, True, "norm0"),
    ("blocks.1", "plain", 5, 3, True, "blocks.2"),
    ("blocks.5", "plain", 4, 3, True, "blocks.6"),
    ("blocks.9", "plain", 3, 3, True, ""),
]
PLAIN = {"kind": "plain", "padding": 1, "bias": True}
UP = PLAIN | NORMED | {"upsample": 2, "activation": "leaky_relu"}
DESCRIPTION = {
    "stages": [
        {"name": "l1.0", "kind": "dense", "bias": True, "norm": "norm0"},
        {"name": "blocks.1", "norm": "blocks.2", **UP},
        {"name": "blocks.5", "norm": "blocks.6", "slope": 0.3, **UP},
        {"name": "blocks.9", **PLAIN},
    ],
    "ignore": ["classifier."],
}


def forward_dense(arrays, z, flat):
    x = z @ arrays["l1.0.weight"].astype(np.float64).T + arrays["l1.0.bias"]
    if flat:
        x = native_dcgan.normed(x[..., None, None], arrays, "norm0_flat").reshape(len(x), -1)
    x = x.reshape(-1, 6, 2, 2)
    x = x if flat else native_dcgan.normed(x, arrays, "norm0")
    for i, slope in ((1, 0.2), (5, 0.3)):
        x = conv(nearest(x), arrays[f"blocks.{i}.weight"], 1)
        x = x + channels(arrays[f"blocks.{i}.bias"])
        x = leaky(native_dcgan.normed(x, arrays, f"blocks.{i + 1}", 0.8), slope)
    return np.tanh(conv(x, arrays["blocks.9.weight"], 1) + channels(arrays["blocks.9.bias"]))


def described(tmp_path, description, arrays):
    path = tmp_path / "stack.json"
    path.write_text(json.dumps(description))
    layout = described_layout(path)
    found = recognise(arrays, described=layout)
    choices = Choices(layout.name, layout.options, {"architecture": str(path)})
    return layout.convert(found.group, choices), choices


@pytest.mark.parametrize("flat", [False, True])
def test_a_described_stack(tmp_path, flat):
    stages, description = copy.deepcopy((DENSE, DESCRIPTION))
    if flat:
        stages[0] = (*stages[0][:-1], "norm0_flat")
        description["stages"][0]["norm"] = "norm0_flat"
    arrays = native_dcgan.draw(1, 5, stages, counters=True)
    extra = {"classifier.weight": np.ones((2, 2), np.float32)}
    conversion, choices = described(tmp_path, description, arrays | extra)
    z = np.random.default_rng(2).standard_normal((2, 5))
    assert error(image_of(conversion, z), forward_dense(arrays, z, flat)) < TOLERANCE
    assert [tuple(choice) for choice in choices.settled] == [
        ("architecture", "stack.json", "given")
    ]


REAL = {
    "prior": "uniform",
    "stages": [
        {"name": "generator_deconv.0.0", "kind": "transposed", "norm": "generator_deconv.0.1"},
        {
            "name": "generator_deconv.1.0",
            "kind": "plain",
            "norm": "generator_deconv.1.1",
            "padding": 1,
            "activation": "leaky_relu",
        },
        *(
            {
                "name": f"generator_deconv.{i}.0",
                "kind": "transposed",
                "norm": f"generator_deconv.{i}.1",
                "stride": 2,
                "padding": 1,
                "activation": "leaky_relu",
            }
            for i in (2, 3)
        ),
        {
            "name": "generator_deconv.4.0",
            "kind": "transposed",
            "stride": 2,
            "padding": 1,
            "bias": True,
        },
    ],
}


@pytest.mark.shared
def test_the_real_generator_described_is_the_same_and_is_stored(shared, tmp_path):
    path = tmp_path / "stack.json"
    path.write_text(json.dumps(REAL))
    source = shared / "checkpoints" / FILES[3]
    said = []
    folder = convert_checkpoint(
        source, "faces", weights_dir=tmp_path, on_recognised=said.append, architecture=path
    )
    assert "as stack.json describes" in said[0]
    text = (folder / "manifest.json").read_text()
    assert str(tmp_path) not in text
    assert json.loads(text)["source"]["layout"] == "dcgan_described"
    generator, params = load_generator("faces", weights_dir=tmp_path)
    io = np.load(source.parent / "io.npz")
    assert error(nchw(generator(params, io["z"])), io["image"]) < TOLERANCE
    other = convert_checkpoint(source, "recognised", weights_dir=tmp_path)
    assert load_generator(other)[0].spec.identity == generator.spec.identity


def changed(place, **changes):
    description = copy.deepcopy(DESCRIPTION)
    target = description if place is None else description["stages"][place]
    target.update(changes)
    return {key: value for key, value in description.items() if value is not None}


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ([], "no JSON object"),
        (changed(None, stages=None), "list of two stages"),
        (changed(None, family="vae"), "family is 'vae'"),
        (changed(None, prior="cauchy"), "prior is 'cauchy'"),
        (changed(None, output=3), "output is 3"),
        (changed(None, depth=3), "unknown fields depth"),
        (changed(None, ignore="x"), "beginnings of keys"),
        (changed(None, stages=[1, 2]), "stage 0 is no JSON object"),
        (changed(1, colour=3), r"stage 1 has unknown fields \['colour'\]"),
        (changed(1, stride="2"), "stride of stage 1 is '2'; it has to be a whole number"),
        (changed(1, stride=True), "stride of stage 1 is True"),
        (changed(1, norm_epsilon=-1), "norm_epsilon of stage 1"),
        (changed(1, name=""), "empty name"),
        (changed(1, kind="deconv"), "kind is 'deconv'"),
        (changed(1, activation="selu"), "activation is 'selu'"),
        (changed(1, stride=0), "stride is 0"),
        (changed(2, name="blocks.55"), "missing: blocks.55.weight"),
        (changed(2, bias=False), "not used by this layout: blocks.5.bias"),
        (changed(None, stages=DESCRIPTION["stages"][:2]), "not used by this layout"),
        (changed(2, kind="transposed"), "blocks.5.weight is"),
    ],
)
def test_impossible_descriptions(tmp_path, description, message):
    with pytest.raises(InputError, match=message) as caught:
        described(tmp_path, description, native_dcgan.draw(1, 5, DENSE))
    assert "\n" not in str(caught.value)


def test_a_description_that_cannot_be_read(tmp_path):
    path = tmp_path / "stack.json"
    with pytest.raises(InputError, match="cannot be read"):
        described_layout(path)
    for content, message in ((b"{", "not JSON"), (b"\xff", "not JSON"), (b" " * 2**21, "too long")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            described_layout(path)


def test_a_description_of_other_layers(tmp_path):
    with pytest.raises(InputError, match=r"no layers? named|has layers named as stack.json"):
        described(tmp_path, DESCRIPTION, native_dcgan.pytorch_examples(1, 5, (4,)))
