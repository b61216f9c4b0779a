"""``pmsfc edit`` of generators whose tails need a context, and whose codes are trees."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from PIL import Image

import pmsfc_jax as pm
from pmsfc_jax.registry import FAMILIES
from pmsfc_jax.weights.store.folder import Network, save_weights
from tests.nn.families import GENERATORS, random_params

CASES = [("stylegan2", "skip in w"), ("biggan", "hierarchical")]


@pytest.fixture(scope="module", params=CASES, ids=[family for family, _ in CASES])
def contextual(request, tmp_path_factory):
    """Weights of the family, and two files of codes with contexts of their own."""
    family, case = request.param
    folder = tmp_path_factory.mktemp(family)
    config = GENERATORS[family][case]
    params = random_params(FAMILIES[family].abstract_params(config))
    save_weights(
        folder / family, {"generator": Network(family, dataclasses.asdict(config), params)}
    )
    generator, params = pm.load_generator(family, weights_dir=folder)
    latent = jax.tree.map(
        lambda leaf: np.asarray(leaf).reshape(2, 2, 2, *leaf.shape[1:]),
        generator.draw(params, jax.random.key(0), 8),
    )
    rng = np.random.default_rng(0)
    context = jax.tree.map(
        lambda leaf: rng.normal(size=(2, *leaf.shape)).astype(np.float32),
        generator.spec.free_context(1),
    )
    channels = generator.spec.feature_shape(1)[-1]
    masks = np.eye(2, dtype=np.float32).repeat(channels // 2, axis=1)
    w = 0.2 * rng.normal(size=(2, 2, 2, channels)).astype(np.float32)
    drawing = pm.Drawing(
        pm.Codes(latent, w, context), masks, 1, "pmsfc_full", generator=family,
        identity=generator.spec.identity,
    )  # fmt: skip
    for row, name in enumerate("ab"):
        pm.save_codes(folder / f"{name}.npz", drawing[row])
    return folder, generator, params, drawing


def picture(path):
    return np.asarray(Image.open(path).convert("RGB"))


def edit_of(pmsfc, contextual, out, *words):
    """Run an edit, and give its only entry, its frames, and what draws them again."""
    folder, generator, params, _ = contextual
    code, _, err = pmsfc("edit", *words, "--out", out, "--weights-dir", folder, weights=False)
    assert code == 0, err
    (edit,) = json.loads((out / "edit.json").read_text())["edits"]
    frames = [picture(out / path) for path in edit["frames"]]
    try:
        saved = pm.load_edited(out / edit["saved"])
    except pm.InputError:
        saved = pm.load_codes(out / edit["saved"])
    np.testing.assert_array_equal(pm.to_uint8(pm.render(generator, params, saved)), frames)
    return edit, frames, saved


def test_the_context_of_the_changed_picture_stays(pmsfc, contextual, tmp_path):
    folder, generator, params, drawing = contextual
    files = (folder / "a.npz", folder / "b.npz")
    _, frames, saved = edit_of(
        pmsfc, contextual, tmp_path / "mix", "mix", *files, "--subspace", "1", "--frames", "3",
        "--strength", "1",
    )  # fmt: skip
    h, context = pm.composed(generator, params, drawing)
    for leaf, own in zip(jax.tree.leaves(saved.context), jax.tree.leaves(context), strict=True):
        np.testing.assert_array_equal(leaf, own[:1].repeat(3, axis=0))
    np.testing.assert_array_equal(saved.h[2], pm.swap(h[0], h[1], [1], drawing.masks))
    np.testing.assert_array_equal(frames[0], picture(tmp_path / "mix/pictures/a.png"))


def test_codes_of_any_structure_are_walked(pmsfc, contextual, tmp_path):
    folder, generator, params, drawing = contextual
    files = (folder / "a.npz", folder / "b.npz")
    _, frames, _ = edit_of(pmsfc, contextual, tmp_path / "morph", "morph", *files, "--frames", "3")
    np.testing.assert_array_equal(frames[2], picture(tmp_path / "morph/pictures/b.png"))
    found = pm.directions.latent_components(
        generator, params, key=jax.random.key(1), num=1, num_samples=20
    )
    pm.save_directions(tmp_path / "d.npz", found)
    words = ("move", files[0], "--direction", tmp_path / "d.npz", "--frames", "3")
    _, frames, saved = edit_of(pmsfc, contextual, tmp_path / "move", *words)
    np.testing.assert_array_equal(frames[1], picture(tmp_path / "move/pictures/a.png"))
    assert not np.array_equal(frames[0], frames[2])
    first = jax.tree.leaves(saved.codes.latent)[0][2] - jax.tree.leaves(drawing.codes.latent)[0][0]
    step = jax.tree.leaves(found[0])[0]
    np.testing.assert_allclose(first, np.broadcast_to(3 * step, first.shape), atol=1e-4)
    _, _, limited = edit_of(pmsfc, contextual, tmp_path / "one", *words, "--subspace", "0")
    h, _ = pm.composed(generator, params, drawing)
    np.testing.assert_array_equal(
        limited.h[0][..., drawing.masks[1] == 1], h[0][..., drawing.masks[1] == 1]
    )
