"""StyleGAN2's layouts against what the codebases' own networks gave, and against float64."""

import copy
from unittest import mock

import chex
import jax
import numpy as np
import pytest

from pmsfc_jax.cli import info
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn import stylegan2
from pmsfc_jax.nn.layers import upsample_bilinear
from pmsfc_jax.nn.transposed import transposed_conv2d
from pmsfc_jax.registry import load_generator
from pmsfc_jax.weights.convert import convert_checkpoint
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.table import recognise
from pmsfc_jax.weights.reader.checkpoint import read_checkpoint
from tests.weights import native_stylegan2 as native
from tests.weights.conversion import TOLERANCE, converted, converted_file, error, nchw
from tests.weights.drawing import drawn, generator_of, image_from, image_of, settled

NVLABS = {
    "stylegan2_ada_nvlabs": "checkpoint.pkl",
    "stylegan2_ada_nvlabs_cond": "checkpoint.pkl",
    "stylegan2_ada_nvlabs_resnet": "checkpoint.pkl",
}
FILES = NVLABS | {"stylegan2_rosinality": "checkpoint.pt"}
#: How far off an image is, relative to itself, where a piece of handling is undone.
FAR = 0.02


def opened(shared, folder, file=None, **options):
    path = shared / "checkpoints" / folder
    conversion = converted_file(path / (file or FILES[folder]), **{"latent_space": "z"} | options)
    return conversion, np.load(path / "io.npz")


def codes(conversion, io):
    """The fixture's codes in ``z``, with their classes where there are any."""
    if not conversion.architecture["num_classes"]:
        return io["z"]
    noise = {"z": io["z"], "label": io["c"].argmax(1).astype(np.int32)}
    return generator_of(conversion).mapping(conversion.params, noise)


@pytest.mark.shared
@pytest.mark.parametrize("folder", FILES)
def test_images_and_features_at_every_cut(shared, folder):
    conversion, io = opened(shared, folder)
    latent = codes(conversion, io)
    layers = generator_of(conversion).spec.num_layers
    assert sorted(conversion.native_cuts.values()) == list(range(layers))
    found = {}
    for name, layer in conversion.native_cuts.items():
        h, context, image = drawn(conversion, latent, layer)
        assert error(image, io["image"]) < TOLERANCE
        found |= {name: h, f"{name}_x": h}
        if "picture" in context and layer % 2:
            # The picture that is carried into a resolution is that of the one below.
            side = context["picture"].shape[1]
            picture = nchw(context["picture"])
            found |= {f"b{side}_img": picture, f"skip_{side}": picture}
    stored = [key for key in io.files if key.startswith("feat__")]
    assert len(stored) == (
        2 if folder.endswith("resnet") else 4 if "cond" in folder else len(stored)
    )
    for key in stored:
        assert error(found[key.removeprefix("feat__")], io[key]) < TOLERANCE


@pytest.mark.shared
@pytest.mark.parametrize("folder", NVLABS)
def test_settings_of_nvlabs(shared, folder):
    conversion, io = opened(shared, folder, truncation=0.7)
    latent = codes(conversion, io)
    assert error(image_of(conversion, latent), io["image_psi07"]) < TOLERANCE
    four = settled(conversion, truncated_styles=4)
    assert error(image_of(four, latent), io["image_psi07_cut4"]) < TOLERANCE
    silent, _ = opened(shared, folder, noise="none")
    assert error(image_of(silent, latent), io["image_none"]) < TOLERANCE
    raw = converted_file(shared / "checkpoints" / folder / FILES[folder], "G", latent_space="z")
    assert error(image_of(raw, codes(raw, io)), io["image_G_not_ema"]) < TOLERANCE
    assert error(image_of(raw, codes(raw, io)), io["image"]) > FAR
    # W+: the styles of the tail one by one.
    in_w, ws = settled(conversion, latent_space="w", truncation=1.0), io["ws"]
    h, _, _ = drawn(in_w, ws[:, 0], 0)
    image = image_from(in_w, h.transpose(0, 2, 3, 1), {"w": ws[:, 1:]}, 0)
    assert error(image, io["image_from_ws"]) < TOLERANCE


@pytest.mark.shared
def test_settings_of_rosinality(shared):
    conversion, io = opened(shared, "stylegan2_rosinality")
    shorter = settled(conversion, truncation=0.7)
    assert error(image_of(shorter, io["z"]), io["image_trunc07"]) < TOLERANCE
    np.testing.assert_array_equal(conversion.params["w_mean"], io["latent_avg"])
    in_w = settled(conversion, latent_space="w")
    assert error(image_of(in_w, io["w"]), io["image_from_w"]) < TOLERANCE
    mapped = generator_of(in_w).mapping(in_w.params, io["z"])
    assert error(np.asarray(mapped), io["w"]) < TOLERANCE
    h, _, _ = drawn(in_w, io["wplus"][:, 0], 0)
    image = image_from(in_w, h.transpose(0, 2, 3, 1), {"w": io["wplus"][:, 1:]}, 0)
    assert error(image, io["image_wplus"]) < TOLERANCE
    silent, _ = opened(shared, "stylegan2_rosinality", noise="none")
    assert error(image_of(silent, io["z"]), io["image_zero_noise"]) < TOLERANCE
    tree = dict(read_checkpoint(shared / "checkpoints/stylegan2_rosinality/checkpoint.pt").tree)
    tree["g_ema"] = tree["g_ema"] | {f"noises.{n}": io[n] for n in io.files if n[:6] == "noise_"}
    other = converted(tree, latent_space="z")
    assert error(image_of(other, io["z"]), io["image_custom_noise"]) < TOLERANCE


@pytest.mark.shared
@pytest.mark.parametrize("folder", NVLABS)
def test_the_averaged_generator_alone_is_the_same(shared, folder):
    ours, theirs = (
        opened(shared, folder, f)[0] for f in ("G_ema_only_nosrc.pkl", "checkpoint.pkl")
    )
    assert ours.architecture == theirs.architecture
    chex.assert_trees_all_equal(ours.params, theirs.params)


@pytest.mark.shared
def test_a_file_of_the_training_has_its_mean_computed(shared):
    whole, io = opened(shared, "stylegan2_rosinality")
    training, _ = opened(shared, "stylegan2_rosinality", "checkpoint_train.pt")
    mean = training.params.pop("w_mean")
    expected = whole.params.pop("w_mean")
    chex.assert_trees_all_equal(training.params, whole.params)
    in_w = settled(whole, latent_space="w")
    spread = np.asarray(generator_of(in_w).mapping(whole.params | {"w_mean": mean}, io["z"])).std()
    assert np.abs(mean - expected).max() < 0.3 * spread


def kernels(change):
    def undo(params):
        for name, layer in params.items():
            if name.startswith("conv"):
                layer["kernel"] = change(layer["kernel"])

    return undo


def every(start, part, change):
    """Change one array of all layers whose names begin alike; ``part`` may be ``style/bias``."""

    def undo(params):
        for name, layer in params.items():
            if name.startswith(start):
                *way, last = part.split("/")
                for step in way:
                    layer = layer[step]
                layer[last] = change(layer[last]).astype(np.float32)

    return undo


UNDONE = [
    ("kernels turned", kernels(lambda k: np.flip(k, (0, 1)).copy()), None),
    (
        "kernels swapped",
        kernels(lambda k: k.swapaxes(2, 3) if k.shape[2] == k.shape[3] else k),
        None,
    ),
    ("no rate in the mapping", every("map", "kernel", lambda k: 100 * k), None),
    ("no rate in its biases", every("map", "bias", lambda b: 100 * b), None),
    ("no scale in styles", every("conv", "style/kernel", lambda k: 6 * k), None),
    ("styles without biases", every("conv", "style/bias", lambda b: 0 * b), None),
    ("no scale in image layers", every("rgb", "kernel", lambda k: 5 * k), None),
    ("no noise", every("conv", "noise", lambda n: 0 * n), None),
    ("noise turned", every("conv", "noise", lambda n: n.T), None),
    ("shortcuts as strong as the rest", every("skip", "kernel", lambda k: 1.4142 * k), "resnet"),
    ("class not added", every("embed", "kernel", lambda k: 0 * k), "cond"),
]


@pytest.mark.shared
@pytest.mark.parametrize(("what", "undo", "only"), UNDONE, ids=[case[0] for case in UNDONE])
def test_undone_handling_shows(shared, what, undo, only):
    for folder in FILES:
        if only and not folder.endswith(only):
            continue
        conversion, io = opened(shared, folder)
        params = copy.deepcopy(conversion.params)
        undo(params)
        changed = conversion._replace(params=params)
        assert error(image_of(changed, codes(changed, io)), io["image"]) > FAR, folder


def flipped(x, kernel, *, stride):
    return transposed_conv2d(x, kernel[::-1, ::-1], stride=stride)


@pytest.mark.shared
@pytest.mark.parametrize(
    "change",
    [
        {"_GAIN": 1.0},
        {"pixel_norm": lambda x: x},
        {"transposed_conv2d": flipped},
        {"upsample_blur": upsample_bilinear},
        {"NORM_EPSILON": 10.0},
        {"blur": lambda x: x[:, 1:, 1:]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_undone_arithmetic_shows(shared, change):
    for folder in ("stylegan2_rosinality", "stylegan2_ada_nvlabs_resnet"):
        conversion, io = opened(shared, folder)
        with mock.patch.multiple(stylegan2, **change):
            assert error(image_of(conversion, io["z"]), io["image"]) > FAR, folder


@pytest.mark.shared
@pytest.mark.parametrize("folder", FILES)
def test_from_the_file_to_pictures(shared, folder, tmp_path, capsys):
    source = shared / "checkpoints" / folder / FILES[folder]
    place = convert_checkpoint(source, "converted", weights_dir=tmp_path, latent_space="z")
    generator, params = load_generator("converted", weights_dir=tmp_path)
    latent = generator.draw(params, jax.random.key(0), 2)
    drawn_again = image_of(converted_file(source, latent_space="z"), latent)
    assert error(nchw(generator(params, latent)), drawn_again) < TOLERANCE
    assert info.main([str(place)]) == 0
    latents = " + ".join(str(size) for (size,) in generator.spec.latent_sizes)
    assert f"latent {latents}, image" in capsys.readouterr().out


# Without fixtures.

SKETCH = {"latent": 5, "style": 7, "depth": 2, "widths": (6, 4, 3)}
Z = np.random.default_rng(1).standard_normal((3, 5)).astype(np.float32)


@pytest.mark.parametrize("architecture", ["skip", "resnet", "plain"])
def test_nvlabs_draws_as_written_in_float64(architecture):
    arrays = native.nvlabs(2, **SKETCH, architecture=architecture)
    conversion = converted(arrays, latent_space="z", truncation=0.6, clamp=2.5)
    assert conversion.architecture["architecture"] == architecture
    expected = native.forward(arrays, Z, psi=0.6, clamp=2.5)
    assert error(image_of(conversion, Z), expected) < TOLERANCE
    assert error(native.forward(arrays, Z, psi=0.6), expected) > FAR


def test_classes_drawn_chosen_and_in_w():
    arrays = native.nvlabs(3, **SKETCH, classes=4)
    label = np.array([1, 3, 1], np.int32)
    expected = native.forward(arrays, Z, label, psi=0.6)
    for space in ("z", "w"):
        conversion = converted(arrays, latent_space=space, truncation=0.6)
        generator = generator_of(conversion)
        latent = generator.mapping(conversion.params, {"z": Z, "label": label})
        assert error(image_of(conversion, latent), expected) < TOLERANCE
        drawn_labels = generator.spec.prior.draw(jax.random.key(0), 200)["label"]
        assert set(np.asarray(drawn_labels).tolist()) == {0, 1, 2, 3}
    one = converted(arrays, latent_space="z", truncation=0.6, label=1)
    assert generator_of(one).spec.latent_sizes == ((5,),)
    assert error(image_of(one, Z)[[0, 2]], expected[[0, 2]]) < TOLERANCE
    with pytest.raises(InputError, match="label is 4"):
        converted(arrays, label=4)


def test_rosinality_draws_as_written_in_float64():
    sketch = SKETCH | {"latent": 7}
    arrays = native.nvlabs(4, **sketch)
    theirs = native.rosinality(arrays)
    z = np.random.default_rng(1).standard_normal((3, 7)).astype(np.float32)
    mean = arrays["mapping.w_avg"]
    conversion = converted({"g_ema": theirs, "latent_avg": mean}, latent_space="z", truncation=0.6)
    assert error(image_of(conversion, z), native.forward(arrays, z, psi=0.6)) < TOLERANCE
    with pytest.raises(InputError, match="latent_avg"):
        converted({"g_ema": theirs, "latent_avg": mean[1:]})


def test_openmmlab_draws_as_written_in_float64():
    arrays, raw = (native.nvlabs(seed, **(SKETCH | {"latent": 7})) for seed in (4, 5))
    z = np.random.default_rng(1).standard_normal((3, 7)).astype(np.float32)
    expected = native.forward(arrays, z)
    averaged, other = native.openmmlab(arrays), native.openmmlab(raw)
    tree = {"meta": {"iter": 1}, "state_dict": {f"generator.{k}": v for k, v in other.items()}}
    drawn_raw = image_of(converted(tree, latent_space="z"), z)
    assert error(drawn_raw[:, ::-1], native.forward(raw, z)) < TOLERANCE
    tree["state_dict"] |= {f"generator_ema.{k}": v for k, v in averaged.items()}
    tree["state_dict"]["discriminator.convs.0.bias"] = np.ones(3, np.float32)
    for colours, image in (("rgb", expected), ("bgr", expected[:, ::-1])):
        conversion = converted(tree, latent_space="z", colours=colours)
        assert error(image_of(conversion, z), image) < TOLERANCE
    assert error(expected[:, ::-1], expected) > FAR
    mean = arrays["mapping.w_avg"]
    alone = converted(averaged | {"w_avg": mean})
    np.testing.assert_array_equal(alone.params["w_mean"], mean)
    with pytest.raises(InputError, match=r"style_mapping\.2\.bias"):
        converted({name: a for name, a in averaged.items() if name != "style_mapping.2.bias"})


def test_the_mean_is_that_of_the_mapping():
    arrays = native.rosinality(native.nvlabs(4, **(SKETCH | {"latent": 7})))
    conversion = converted({"g_ema": arrays})
    generator = generator_of(conversion)
    codes = np.asarray(generator.draw(conversion.params, jax.random.key(0), 10_000))
    mean = np.asarray(generator.centre(conversion.params))
    assert np.abs(codes.mean(0) - mean).max() < 0.06 * codes.std()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: a.pop("synthesis.b8.conv0.affine.bias"),
            r"missing: synthesis.b8.conv0.affine.bias",
        ),
        (lambda a: a.update(extra=a["mapping.w_avg"]), "not used by this layout: extra"),
        (lambda a: a.update({"synthesis.b4.const": np.ones((6, 4, 5), "f")}), "wrong shape"),
        (
            lambda a: a.update({"synthesis.b8.conv0.resample_filter": np.ones((4, 4), "f")}),
            "filter",
        ),
        (lambda a: a["mapping.fc1.weight"].fill(np.nan), "not finite"),
    ],
)
def test_what_does_not_fit_is_said(change, message):
    arrays = native.nvlabs(2, **SKETCH)
    change(arrays)
    with pytest.raises(InputError, match=message):
        converted(arrays)


def test_truncated_styles_need_z():
    arrays = native.nvlabs(2, **SKETCH)
    with pytest.raises(InputError, match="latent space w"):
        converted(arrays, truncated_styles=2)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("layer", "activation"), [("synthesis.b8.conv0", "relu"), ("mapping.fc1", "linear")]
)
def test_what_a_whole_module_says_of_its_activations_is_refused_by_name(shared, layer, activation):
    path = shared / "checkpoints" / "stylegan2_ada_nvlabs" / "checkpoint.pkl"
    found = recognise(read_checkpoint(path).tree)
    layers = dict(found.group.layers)
    assert layers[layer].settings["activation"] == "lrelu"
    settings = {**layers[layer].settings, "activation": activation}
    layers[layer] = layers[layer]._replace(settings=settings)
    choices = Choices(found.layout.name, found.layout.options, {})
    with pytest.raises(InputError, match=f"{layer} has the activation {activation}"):
        found.layout.convert(found.group._replace(layers=layers), choices)
