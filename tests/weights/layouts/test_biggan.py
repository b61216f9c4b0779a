"""BigGAN's layouts against what the codebases' own networks gave, and against float64."""

import copy
from unittest import mock

import chex
import jax
import numpy as np
import pytest

from pmsfc_jax.cli import info
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.registry import load_generator
from pmsfc_jax.weights.convert import convert_checkpoint
from pmsfc_jax.weights.layouts.biggan import ajbrock, huggingface
from tests.weights import native_biggan as native
from tests.weights.conversion import TOLERANCE, converted, converted_file, error, nchw
from tests.weights.drawing import drawn, generator_of, image_of

FILES = {
    "biggan_ajbrock": "checkpoint.pth",
    "biggan_ajbrock_nohier": "checkpoint.pth",
    "biggan_huggingface": "pytorch_model.bin",
}
#: How far off an image is, relative to itself, where a piece of handling is undone.
FAR = 0.02


def opened(shared, folder, file=None, **options):
    path = shared / "checkpoints" / folder
    return converted_file(path / (file or FILES[folder]), **options), np.load(path / "io.npz")


def codes(conversion, z, label):
    noise = {"z": z, "label": np.asarray(label, np.int32)}
    return generator_of(conversion).mapping(conversion.params, noise)


def fixture_codes(conversion, io):
    return codes(conversion, io["z"], io["class_idx"])


@pytest.mark.shared
@pytest.mark.parametrize("folder", FILES)
def test_images_and_features_at_every_cut(shared, folder):
    conversion, io = opened(shared, folder)
    latent = fixture_codes(conversion, io)
    if "y_embed" in io.files:
        np.testing.assert_allclose(latent["class"], io["y_embed"], rtol=1e-6)
    names = {layer: name for name, layer in conversion.native_cuts.items()}
    compared = 0
    for layer in range(generator_of(conversion).spec.num_layers):
        h, _, image = drawn(conversion, latent, layer)
        assert error(image, io["image"]) < TOLERANCE
        if layer in names and f"feat__{names[layer]}" in io.files:
            assert error(h, io[f"feat__{names[layer]}"]) < TOLERANCE
            compared += 1
    assert compared == sum(name.startswith("feat__") for name in io.files)


@pytest.mark.shared
@pytest.mark.parametrize("truncation", [0.433, 0.58, 1.0, 0.02])
def test_statistics_of_other_truncations(shared, truncation):
    conversion, io = opened(shared, "biggan_huggingface", truncation=truncation)
    expected = io[f"image_trunc{truncation:g}"]
    assert error(image_of(conversion, fixture_codes(conversion, io)), expected) < TOLERANCE
    assert error(io["image"], expected) > FAR


@pytest.mark.shared
def test_a_class_between_classes(shared):
    conversion, io = opened(shared, "biggan_huggingface")
    soft = {"z": io["z"], "class": io["soft_class"] @ conversion.params["classes"]}
    assert error(image_of(conversion, soft), io["image_soft_class"]) < TOLERANCE


@pytest.mark.shared
def test_the_other_container_holds_the_same(shared):
    ours, theirs = (
        opened(shared, "biggan_huggingface", file)[0]
        for file in ("pytorch_model.bin", "pytorch_model_zip.bin")
    )
    assert ours.architecture == theirs.architecture
    chex.assert_trees_all_equal(ours.params, theirs.params)


@pytest.mark.shared
@pytest.mark.parametrize("folder", FILES)
def test_from_the_file_to_pictures(shared, folder, tmp_path, capsys):
    source = shared / "checkpoints" / folder / FILES[folder]
    place = convert_checkpoint(source, "converted", weights_dir=tmp_path)
    generator, params = load_generator("converted", weights_dir=tmp_path)
    latent = generator.draw(params, jax.random.key(0), 2)
    again = image_of(converted_file(source), latent)
    assert error(nchw(generator(params, latent)), again) < TOLERANCE
    assert info.main([str(place)]) == 0
    assert "image 32x32x3" in capsys.readouterr().out


def exact(weight, *_):
    return np.linalg.norm(weight.reshape(len(weight), -1), 2)


def straight(table, truncation):
    """Interpolated as one would expect."""
    at = truncation * (len(table) - 1)
    row = int(at + 1e-9)
    share = max(at - row, 0)
    return table[row] * (1 - share) + (table[row + 1] * share if share > 1e-9 else 0)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("folder", "module", "change"),
    [
        ("biggan_ajbrock", ajbrock, {"stepped_sigma": lambda weight, u: 123.0}),
        ("biggan_ajbrock", ajbrock, {"stepped_sigma": exact}),
        ("biggan_huggingface", huggingface, {"stored_sigma": exact}),
    ],
)
def test_another_spectral_norm_shows(shared, folder, module, change):
    with mock.patch.multiple(module, **change):
        conversion, io = opened(shared, folder)
    assert error(image_of(conversion, fixture_codes(conversion, io)), io["image"]) > FAR / 4


@pytest.mark.shared
@pytest.mark.parametrize("truncation", [0.433, 0.58])
def test_statistics_read_straight_show(shared, truncation):
    with mock.patch.object(huggingface, "at_truncation", straight):
        conversion, io = opened(shared, "biggan_huggingface", truncation=truncation)
    image = image_of(conversion, fixture_codes(conversion, io))
    assert error(image, io[f"image_trunc{truncation:g}"]) > FAR


def linear(change):
    def undo(params):
        for part, array in params["linear"].items():
            params["linear"][part] = change(array).copy()

    return undo


def first_and_last(array):
    """Channels taken for pixels: as if they had been stored on the other side."""
    *front, h, w, c = array.shape
    return np.moveaxis(array.reshape(*front, c, h, w), -3, -1)


def conditions(change):
    def undo(params):
        for name, stage in params.items():
            for part in stage if name.startswith("stage") else ():
                if part.startswith("norm"):
                    for affine in stage[part].values():
                        affine["kernel"] = change(affine["kernel"]).copy()

    return undo


def part_of_stages(part, change):
    def undo(params):
        for name, stage in params.items():
            if name.startswith("stage") and part in stage:
                stage[part]["kernel"] = change(stage[part]["kernel"]).copy()

    return undo


UNDONE = [
    ("pixels and channels mixed up", linear(first_and_last), ""),
    ("class and code exchanged", conditions(lambda k: np.roll(k, len(k) // 2, 0)), ""),
    ("no condition", conditions(lambda k: 0 * k), ""),
    ("no attention", part_of_stages("out", lambda k: 0 * k), "hier"),
    ("queries for keys", part_of_stages("query", lambda k: -k), "hier"),
    ("no shortcut", part_of_stages("shortcut", lambda k: 0 * k), "ajbrock"),
    ("kernels turned", part_of_stages("conv1", lambda k: np.flip(k, (0, 1))), ""),
]


@pytest.mark.shared
@pytest.mark.parametrize(("what", "undo", "only"), UNDONE, ids=[case[0] for case in UNDONE])
def test_undone_handling_shows(shared, what, undo, only):
    kinds = {"hier": ("biggan_ajbrock", "biggan_huggingface")}
    for folder in FILES:
        if folder not in kinds.get(only, FILES) or (only == "ajbrock" and only not in folder):
            continue
        conversion, io = opened(shared, folder)
        params = copy.deepcopy(conversion.params)
        undo(params)
        changed = conversion._replace(params=params)
        # An attention adds little to these images, but more than the tolerance many times over.
        far = FAR / 20 if only == "hier" else FAR
        assert error(image_of(changed, fixture_codes(changed, io)), io["image"]) > far, folder


# Without fixtures.

RNG = np.random.default_rng(1)
LABEL = np.array([2, 0, 2])
SIZES = {"chunk": 3, "class_dim": 4, "classes": 3, "widths": (6, 5, 4), "attention": (0,)}


@pytest.mark.parametrize("hierarchical", [True, False])
def test_ajbrock_draws_as_written_in_float64(hierarchical):
    arrays = native.ajbrock(2, **SIZES, hierarchical=hierarchical)
    conversion = converted(arrays, epsilon=1e-3)
    assert conversion.architecture["conditioning"] == ("chunks" if hierarchical else "class")
    z = RNG.standard_normal((3, 9 if hierarchical else 3)).astype(np.float32)
    expected = native.forward_ajbrock(arrays, z, LABEL, epsilon=1e-3)
    assert error(image_of(conversion, codes(conversion, z, LABEL)), expected) < TOLERANCE
    assert error(native.forward_ajbrock(arrays, z, LABEL), expected) > TOLERANCE


@pytest.mark.parametrize(
    ("truncation", "row", "share"), [(0.4, 20, 0.0), (0.43, 21, 0.5), (0.58, 28, 1 - 1e-9)]
)
def test_huggingface_draws_as_written_in_float64(truncation, row, share):
    arrays = native.huggingface(3, 5, 4, 3, (6, 6, 5, 4), (3, 2, 3), attention=2)
    conversion = converted(arrays, truncation=truncation)
    z = RNG.standard_normal((3, 5)).astype(np.float32)
    expected = native.forward_huggingface(arrays, z, LABEL, row, share)
    assert error(image_of(conversion, codes(conversion, z, LABEL)), expected) < TOLERANCE


def test_a_frozen_class_is_no_part_of_the_code():
    arrays = native.ajbrock(2, **SIZES)
    free = converted(arrays)
    frozen = converted(arrays, label=2, optimise_class=False, truncation=0.5)
    z = np.asarray(generator_of(frozen).draw(frozen.params, jax.random.key(0), 500))
    assert 0.9 < np.abs(z).max() <= 1
    image = image_of(frozen, z[:2])
    assert error(image, image_of(free, codes(free, z[:2], [2, 2]))) < TOLERANCE
    started = converted(arrays, label=2)
    latent = generator_of(started).draw(started.params, jax.random.key(0), 2)
    row = started.params["classes"][2]
    np.testing.assert_array_equal(latent["class"], np.stack([row, row]))
    with pytest.raises(InputError, match="give label"):
        converted(arrays, optimise_class=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("blocks.0.0.bn1.gain.u0"), r"missing: blocks.0.0.bn1.gain.u0 \(1, 6\)"),
        (lambda a: a.update(extra=a["linear.bias"]), "not used by this layout: extra"),
        (lambda a: a.update({"output_layer.2.weight": np.ones((4, 4, 3, 3), "f")}), "wrong shape"),
        (lambda a: a["shared.weight"].fill(np.nan), "not finite"),
    ],
)
def test_what_does_not_fit_is_said(change, message):
    arrays = native.ajbrock(2, **SIZES)
    change(arrays)
    with pytest.raises(InputError, match=message):
        converted(arrays)


def test_chunks_have_to_be_of_one_size():
    arrays = native.ajbrock(2, **SIZES)
    other = native.ajbrock(2, **(SIZES | {"chunk": 2}))
    arrays |= {name: array for name, array in other.items() if name.startswith("linear")}
    with pytest.raises(InputError, match="linear reads 2"):
        converted(arrays)


def test_an_image_layer_without_colours_is_refused():
    arrays = native.huggingface(3, 5, 4, 3, (6, 6, 5, 4), (3, 2, 3), attention=2, outputs=2)
    with pytest.raises(InputError, match="no colours"):
        converted(arrays)
