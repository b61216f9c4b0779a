"""Judging networks: parity with their originals, their files, and loading them by name."""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pmsfc_jax as pm
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float
from pmsfc_jax.inversion.config import Objective
from pmsfc_jax.nn import dcgan, squeezenet, vgg16
from pmsfc_jax.nn.squeezenet import squeezenet_features, squeezenet_params
from pmsfc_jax.registry import FAMILIES, load_generator, load_lpips
from pmsfc_jax.weights.convert import convert_checkpoint
from pmsfc_jax.weights.layouts.table import recognise
from pmsfc_jax.weights.reader.checkpoint import read_checkpoint
from tests.nn.families import GENERATORS, random_params
from tests.weights.conversion import TOLERANCE, converted, error, nchw
from tests.weights.maths import channels, conv
from tests.weights.native_judges import FIRES, draw_squeezenet, draw_vgg

MEAN = np.array([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
DEVIATION = np.array([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)


def extract(conversion, x):
    """Features of NCHW images, NCHW."""
    family = FAMILIES[conversion.family]
    config = family.config_from_dict(json.loads(json.dumps(conversion.architecture)))
    nhwc = jnp.asarray(x.transpose(0, 2, 3, 1), jnp.float32)
    return [nchw(feature) for feature in family.features(config)(conversion.params, nhwc)]


def applied(arrays, name, x, padding=0):
    kernel = arrays[f"{name}.weight"].astype(np.float64)
    return np.maximum(conv(x, kernel, padding) + channels(arrays[f"{name}.bias"]), 0)


def pooled(x):
    """3x3, stride 2, the last window hanging over the edge if need be."""
    height, width = (-(-(side - 3) // 2) + 1 for side in x.shape[2:])
    rows = [
        [x[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max((2, 3)) for j in range(width)]
        for i in range(height)
    ]
    return np.moveaxis(np.array(rows), (0, 1), (2, 3))


def squeezenet_reference(arrays, x, version):
    """Walk the Sequential of torchvision by its numbers."""
    x = ((x + 1) / 2 - MEAN) / DEVIATION
    kernel = arrays["features.0.weight"].astype(np.float64)
    x = conv(x, kernel, 0)[:, :, ::2, ::2] + channels(arrays["features.0.bias"])
    x, outputs = np.maximum(x, 0), {}
    for number in range(2, 13):
        name = f"features.{number}"
        if number not in FIRES[version]:
            x = pooled(x)
            continue
        x = applied(arrays, f"{name}.squeeze", x)
        x = np.concatenate(
            [applied(arrays, f"{name}.expand1x1", x), applied(arrays, f"{name}.expand3x3", x, 1)], 1
        )
        outputs[f"fire{FIRES[version].index(number) + 2}"] = x
    return outputs


def images(side=32, batch=2):
    return np.random.default_rng(2).uniform(-1, 1, (batch, 3, side, side + 3))


@pytest.mark.shared
def test_vgg16_has_the_features_of_the_original(shared):
    folder = shared / "checkpoints" / "vgg16_torchvision_lpips"
    tree = read_checkpoint(folder / "vgg16_features_conv1_1-conv3_3.pth").tree
    io = np.load(folder / "io.npz")
    one, two, three = extract(converted(tree, taps="relu1_2,relu2_2, relu3_3"), io["x"])
    assert error(one.mean((2, 3)), io["relu1_2_imagenet_mean"]) < TOLERANCE
    assert error(two.mean((2, 3)), io["relu2_2_imagenet_mean"]) < TOLERANCE
    assert error(three, io["relu3_3_imagenet"]) < TOLERANCE
    (by_default,) = extract(converted(tree), io["x"])
    np.testing.assert_array_equal(by_default, three)
    (raw,) = extract(converted(tree, input="raw"), io["x"])
    assert error(raw[:, :16], io["relu3_3_noscale_first16"]) < TOLERANCE
    assert error(raw, three) > 0.02


def test_all_of_vgg16_as_its_numbers_say():
    arrays = draw_vgg((2, 3, 4, 2, 3))
    conversion = converted(arrays, taps=",".join(vgg16.TAPS))
    x = images(34)
    got = extract(conversion, x)
    x, number = ((x + 1) / 2 - MEAN) / DEVIATION, 0
    for block, feature in enumerate(got):
        if block:
            height, width = (side // 2 * 2 for side in x.shape[2:])
            parts = [x[:, :, i:height:2, j:width:2] for i in (0, 1) for j in (0, 1)]
            x, number = np.max(parts, 0), number + 1
        for _ in range((2, 2, 3, 3, 3)[block]):
            x = applied(arrays, f"features.{number}", x, 1)
            number += 2
        assert error(feature, x) < TOLERANCE
    assert number + 1 == 31


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_squeezenet_as_its_numbers_say(version):
    arrays = draw_squeezenet(version)
    taps = [f"fire{i}" for i in (2, 4, 5, 8, 9)]
    conversion = converted(arrays, taps=",".join(taps))
    assert conversion.architecture["version"] == version
    x = images(40)
    expected = squeezenet_reference(arrays, x, version)
    for tap, feature in zip(taps, extract(conversion, x), strict=True):
        assert error(feature, expected[tap]) < TOLERANCE


def test_the_versions_of_squeezenet_are_told_apart_by_their_numbers():
    # Without the first convolution, whose shape would tell too.
    for version in FIRES:
        arrays = draw_squeezenet(version)
        del arrays["features.0.weight"]
        with pytest.raises(InputError, match=r"missing: features\.0\.weight \S+ 3, \d, \d\)$"):
            converted(arrays)


@pytest.mark.shared
def test_squeezenet_of_caffe_is_the_one_of_the_metric(shared):
    path = shared / "data" / "perceptual" / "squeezenet1_0.npz"
    conversion = converted(read_checkpoint(path).tree, taps="fire4,fire8,fire9")
    with np.load(path) as archive:
        params = squeezenet_params(dict(archive))
    pixels = np.random.default_rng(3).integers(0, 256, (1, 227, 227, 3), np.uint8)
    expected = squeezenet_features(params, jnp.asarray(pixels))
    got = extract(conversion, to_float(pixels).transpose(0, 3, 1, 2))
    for ours, theirs in zip(got, expected[:3], strict=True):
        assert error(ours, nchw(theirs)) < TOLERANCE


@pytest.mark.parametrize(
    ("arrays", "layout", "one"),
    [
        (draw_vgg((2, 3, 4)), "vgg16_torchvision", "features.7.weight"),
        (draw_squeezenet("1.1"), "squeezenet_torchvision", "features.9.squeeze.bias"),
        (
            {f"lin{k}.model.1.weight": np.ones((1, 4, 1, 1)) for k in range(3)},
            "lpips_heads",
            "lin1.model.1.weight",
        ),
    ],
    ids=["vgg16", "squeezenet", "lpips"],
)
def test_files_that_are_not_quite_right(arrays, layout, one):
    assert recognise({"state_dict": arrays}).layout.name == layout
    missing = {name: array for name, array in arrays.items() if name != one}
    misshapen = arrays | {one: arrays[one][..., None]}
    damaged = arrays | {one: np.full_like(arrays[one], np.nan)}
    surplus = arrays | {"features.99.weight": np.ones(3)}
    for tree, fault in (
        (missing, f"missing: {one}"),
        (misshapen, f"wrong shape: {one}"),
        (damaged, f"not finite floats: {one}"),
        (surplus, "not used by this layout: features.99.weight"),
    ):
        with pytest.raises(InputError, match=re.escape(fault)):
            converted(tree)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"taps": "relu4_3"}, "has the taps relu1_2, relu2_2, relu3_3, not"),
        ({"taps": ""}, "has the taps"),
        ({"input": "caffe"}, "one of imagenet, raw"),
        ({"output": "tanh"}, "no output to set"),
    ],
)
def test_impossible_facts(options, message):
    with pytest.raises(InputError, match=message):
        converted(draw_vgg((2, 2, 2), classifier=False), **options)


def test_too_small_images_are_told():
    vgg = converted(draw_vgg((2, 2, 2, 2, 2)), taps="relu5_3")
    extract(vgg, images(16))
    with pytest.raises(InputError, match="12x9 pixels are too small for relu5_3"):
        extract(vgg, images(9))
    squeeze = converted(draw_squeezenet("1.0"), taps="fire9")
    extract(squeeze, images(21))
    with pytest.raises(InputError, match="too small"):
        extract(squeeze, images(10))


def test_a_judging_network_by_name(tmp_path):
    path = tmp_path / "vgg.npz"
    np.savez(path, **draw_vgg((4, 4, 4)))
    said = []
    convert_checkpoint(path, "vgg16", weights_dir=tmp_path, on_recognised=said.append)
    assert "vgg16_torchvision" in said[0]
    manifest = json.loads((tmp_path / "vgg16" / "manifest.json").read_text())
    assert list(manifest["networks"]) == ["perceptual"]
    perceptual = pm.load_perceptual("vgg16", weights_dir=tmp_path)
    assert perceptual.name == "vgg16/perceptual"
    with pytest.raises(InputError, match="holds no generator"):
        load_generator("vgg16", weights_dir=tmp_path)

    # As V of an inversion.
    config = GENERATORS["dcgan"]["as published"]
    generator = dcgan.split_generator(config)
    params = random_params(dcgan.pure_module(config).abstract_params)
    settings = pm.InversionConfig(
        "single",
        codes_per_subspace=1,
        layer=1,
        num_steps=8,
        objective=Objective(perceptual_weight=0.1),
    )
    result = pm.invert(
        generator,
        params,
        generator(params, jnp.ones((1, 6))),
        key=jax.random.key(0),
        config=settings,
        perceptual=perceptual,
    )
    assert result.losses[0, -1] < result.losses[0, 0]


def test_lpips_is_loaded_from_two_folders(tmp_path):
    networks = {
        "vgg": draw_vgg((2, 3, 4, 2, 3)),
        "heads": {
            f"lin{k}.model.1.weight": np.ones((1, width, 1, 1), np.float32)
            for k, width in enumerate((2, 3, 4, 2, 3))
        },
        "squeeze": draw_squeezenet("1.1"),
    }
    for name, arrays in networks.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
        convert_checkpoint(tmp_path / f"{name}.npz", name, weights_dir=tmp_path)
    params = load_lpips("vgg", "heads", weights_dir=tmp_path)
    assert sorted(params["heads"]) == [f"lin{k}" for k in range(5)]
    for network, heads, message in (
        ("squeeze", "heads", "of family squeezenet"),
        ("heads", "heads", "holds no perceptual"),
        ("vgg", "squeeze", "holds no lpips"),
    ):
        with pytest.raises(InputError, match=message):
            load_lpips(network, heads, weights_dir=tmp_path)
    with pytest.raises(InputError, match="holds no network that judges images, only lpips"):
        pm.load_perceptual("heads", weights_dir=tmp_path)


def test_impossible_architectures():
    for module, architecture in (
        (vgg16, {"widths": []}),
        (vgg16, {"widths": [1] * 6}),
        (vgg16, {"depth": 16}),
        (squeezenet, {"version": "2"}),
        (squeezenet, {"taps": ["fire10"]}),
        (squeezenet, {"widths": [3]}),
    ):
        with pytest.raises(InputError):
            module.config_from_dict(architecture)


# The authors' VGG16.


def keras_file(path, arrays, kernel="{0}_W_1:0", bias="{0}_b_1:0", above=""):
    """An HDF5 file in Keras' form; ``arrays`` by Caffe's names, OIHW."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            layer, part = name.split(".")
            group = f"block{layer[4]}_conv{layer[6]}"
            own = kernel if part == "weight" else bias
            stored = array.transpose(2, 3, 1, 0) if part == "weight" else array
            file[f"{above}{group}/{own.format(group)}"] = stored
        # A list of layers as text, and empty groups of layers without arrays.
        file.create_group(f"{above}block1_pool")
        file[f"{above}notes"] = "text"
    return path


def oxford_arrays(widths=(4, 6, 8)):
    names = {name: number for number, name in zip((0, 2, 5, 7, 10, 12, 14), LAYERS, strict=True)}
    drawn = draw_vgg(widths, classifier=False)
    return {
        f"{name}.{part}": drawn[f"features.{number}.{part}"]
        for name, number in names.items()
        for part in ("weight", "bias")
    }


LAYERS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3")


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"kernel": "{0}/kernel:0", "bias": "{0}/bias:0"},
        {"kernel": "kernel", "bias": "bias", "above": "model_weights/"},
    ],
    ids=["published", "later", "whole model"],
)
def test_keras_arrays_are_those_of_the_authors(tmp_path, names):
    arrays = oxford_arrays()
    plain = converted(arrays)
    tree = read_checkpoint(keras_file(tmp_path / "vgg.h5", arrays, **names)).tree
    keras = converted(tree)
    assert recognise(arrays).layout.name == "vgg16_oxford"
    assert recognise(tree).layout.name == "vgg16_keras"
    assert keras.architecture == plain.architecture
    assert keras.architecture["input"] == "caffe"
    for name, layer in plain.params.items():
        for part, array in layer.items():
            np.testing.assert_array_equal(keras.params[name][part], array)


def test_the_authors_weights_take_blue_first_without_the_mean():
    arrays = oxford_arrays()
    theirs = {
        f"features.{number}.{part}": arrays[f"{name}.{part}"]
        for name, number in zip(LAYERS, (0, 2, 5, 7, 10, 12, 14), strict=True)
        for part in ("weight", "bias")
    }
    x = images()
    mean = np.array([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)
    pixels = (x[:, ::-1] + 1) * 127.5 - mean
    (expected,) = extract(converted(theirs, input="raw"), pixels)
    (got,) = extract(converted(arrays), x)
    assert error(got, expected) < TOLERANCE
    (other,) = extract(converted(arrays), x[:, ::-1])
    assert error(other, expected) > 0.01


@pytest.mark.shared
def test_the_authors_vgg16_has_the_maps_of_torch(shared, tmp_path):
    folder = shared / "data" / "perceptual"
    weights = np.load(folder / "vgg16_oxford_conv1_1-conv3_3.npz")
    file = keras_file(tmp_path / "vgg.h5", dict(weights))
    x = to_float(np.load(folder / "vgg16_oxford_io.npz")["rgb_uint8"]).transpose(0, 3, 1, 2)
    expected = np.load(folder / "vgg16_oxford_io.npz")
    for source in (file, folder / "vgg16_oxford_conv1_1-conv3_3.npz"):
        conversion = converted(read_checkpoint(source).tree, taps="relu1_2,relu2_2,relu3_3")
        for name, layer in conversion.params.items():
            kernel = weights[f"{name}.weight"].transpose(2, 3, 1, 0)
            np.testing.assert_array_equal(layer["kernel"], kernel)
            np.testing.assert_array_equal(layer["bias"], weights[f"{name}.bias"])
        one, two, three = extract(conversion, np.asarray(x))
        assert error(one[:1, :8], expected["relu1_2"]) < TOLERANCE
        assert error(two[:, :16], expected["relu2_2"]) < TOLERANCE
        assert error(three, expected["relu3_3"]) < TOLERANCE


# Networks that are not VGG16 and look like it.


@pytest.mark.torch
@pytest.mark.parametrize(
    ("plan", "norm", "expected"),
    [
        ((2, 2, 4, 4, 4), False, "is VGG19 (16 convolutions)"),
        ((2, 2, 2, 2, 2), False, "is VGG13 (10 convolutions)"),
        ((1, 1, 2, 2, 2), False, "is VGG11 (8 convolutions)"),
        ((2, 2, 3, 3, 3), True, "is a VGG with batch norms (13 convolutions)"),
        ((2, 2, 4), False, "is VGG19 (8 convolutions)"),
    ],
)
def test_relatives_of_vgg16_are_named(plan, norm, expected):
    torch = pytest.importorskip("torch")
    layers, incoming = [], 3
    for depth in plan:
        for _ in range(depth):
            layers.append(torch.nn.Conv2d(incoming, 4, 3, padding=1))
            layers += [torch.nn.BatchNorm2d(4)] * norm + [torch.nn.ReLU()]
            incoming = 4
        layers.append(torch.nn.MaxPool2d(2))
    net = torch.nn.Module()
    net.features = torch.nn.Sequential(*layers)
    arrays = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    with pytest.raises(InputError, match=re.escape(expected)):
        converted(arrays)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        ("MaxPool2d(2)", ""),
        ("AvgPool2d(2)", r"features\.4 is of class AvgPool2d"),
        ("MaxPool2d(3, 2)", r"features\.4 has kernel_size 3, not 2"),
        ("MaxPool2d(2, ceil_mode=True)", r"features\.4 has ceil_mode True, not False"),
    ],
)
def test_a_whole_module_says_how_it_pools(tmp_path, pool, expected):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    net = nn.Module()
    layers = [nn.Conv2d(3, 4, 3, 1, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, 1, 1), nn.ReLU()]
    layers += [nn.MaxPool2d(2), nn.Conv2d(4, 5, 3, 1, 1), nn.ReLU(), nn.Conv2d(5, 5, 3, 1, 1)]
    name, _, settings = pool.rstrip(")").partition("(")
    numbers = [int(n) for n in settings.split(", ") if n.isdecimal()]
    layers[4] = getattr(nn, name)(*numbers, **({"ceil_mode": True} if "ceil" in pool else {}))
    net.features = nn.Sequential(*layers)
    torch.save(net, tmp_path / "whole.pth")
    tree = read_checkpoint(tmp_path / "whole.pth").tree
    if expected:
        with pytest.raises(InputError, match=expected):
            converted(tree)
    else:
        assert converted(tree).architecture["taps"] == ("relu2_2",)
