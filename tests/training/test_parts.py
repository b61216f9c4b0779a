"""Schedules, order, augmentation and equalised rates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn import pggan, pggan_discriminator
from pmsfc_jax.training.augment import _cutout, _translate, augment, mirror
from pmsfc_jax.training.config import AUGMENTATIONS, TrainingConfig
from pmsfc_jax.training.data import batch_indices, halve
from pmsfc_jax.training.equalised import to_effective, to_raw


def test_stages_grow_and_fade():
    config = TrainingConfig(stage_images=100, fade_images=40, total_images=1000)
    assert config.stages() == (8, 16, 32)
    assert config.stage_at(0) == (8, 0.0)
    assert config.stage_at(99) == (8, 0.0)
    assert config.stage_at(100) == (16, 1.0)
    assert config.stage_at(120) == (16, 0.5)
    assert config.stage_at(140) == (16, 0.0)
    assert config.stage_at(210) == (32, 0.75)
    assert config.stage_at(10_000) == (32, 0.0)


def test_networks_of_a_stage_have_its_resolution():
    config = TrainingConfig(widths=(8, 6, 4, 2))
    assert config.generator(16, True).widths == (8, 8, 6, 6, 4, 4)
    assert config.generator(16, True).resolution == 16
    assert config.discriminator(32, False).resolution == 32
    assert config.discriminator(16, True).widths == (8, 6, 4)
    other = TrainingConfig(widths=(8, 6, 4, 2), discriminator_widths=[16, 12, 8, 4])
    assert other.discriminator(16, True).widths == (16, 12, 8)
    assert other.generator(16, True).widths == (8, 8, 6, 6, 4, 4)


@pytest.mark.parametrize(
    "values",
    [
        {"widths": (8, 8)},
        {"start_resolution": 4},
        {"start_resolution": 64},
        {"batch_size": 0},
        {"fade_images": 100_000},
        {"fade_images": -1},
        {"discriminator_widths": (8, 8)},
        {"discriminator_widths": (8, 8, 8, 0)},
        {"widths": (8, 8, 8, 0)},
        {"latent_dim": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"r1_gamma": -1.0},
        {"beta1": 1.0},
        {"compute_dtype": "float16"},
        {"loss": "hinge"},
    ],
)
def test_impossible_settings_are_refused(values):
    with pytest.raises(InputError):
        TrainingConfig(**values)


def test_every_epoch_shows_every_photograph_once():
    steps = [batch_indices(10, 5, step, seed=3) for step in range(6)]
    epochs = np.concatenate(steps).reshape(3, 10)
    assert (np.sort(epochs, axis=1) == np.arange(10)).all()
    assert (epochs[0] != epochs[1]).any()
    odd = np.concatenate([batch_indices(7, 4, step, seed=3) for step in range(7)])
    assert (np.bincount(odd) == 4).all()


def test_halving_averages_with_rounding():
    image = np.array([[[[0], [1]], [[1], [1]]]], np.uint8).repeat(3, axis=-1)
    assert halve(image).tolist() == [[[[1, 1, 1]]]]


def test_equalised_rates_give_back_he_initialisation():
    """Raw kernels have unit variance; the effective ones are the module's own."""
    for params in (
        pggan.pure_module(pggan.PGGANConfig(64, (64, 64, 64, 64))).init(jax.random.key(0)),
        pggan_discriminator.pure_module(pggan_discriminator.DiscriminatorConfig((64, 64))).init(
            jax.random.key(0)
        ),
    ):
        raw = to_raw(params)
        for name, layer in raw.items():
            if layer["kernel"].size > 1000:
                assert abs(float(layer["kernel"].std()) - 1) < 0.05, name
        for ours, before in zip(
            jax.tree.leaves(to_effective(raw)), jax.tree.leaves(params), strict=True
        ):
            np.testing.assert_allclose(ours, before, rtol=1e-6)


def test_mirroring_flips_whole_images():
    x = jax.random.normal(jax.random.key(0), (16, 4, 6, 3))
    y = mirror(jax.random.key(1), x)
    flipped = [bool((y[i] == x[i, :, ::-1]).all()) for i in range(16)]
    same = [bool((y[i] == x[i]).all()) for i in range(16)]
    assert any(flipped)
    assert any(same)
    assert all(a != b for a, b in zip(flipped, same, strict=True))


def test_augmentation_differs_by_image_and_passes_gradients():
    x = jnp.broadcast_to(jax.random.normal(jax.random.key(0), (1, 16, 16, 3)), (8, 16, 16, 3))
    y = augment(jax.random.key(1), x, AUGMENTATIONS)
    assert y.shape == x.shape
    assert len(np.unique(np.asarray(y).reshape(8, -1), axis=0)) == 8
    gradient = jax.grad(lambda v: jnp.square(augment(jax.random.key(1), v, AUGMENTATIONS)).sum())(x)
    assert jnp.isfinite(gradient).all()
    assert float((gradient != 0).mean()) > 0.3


def test_only_the_augmentations_that_are_named_act():
    x = jax.random.normal(jax.random.key(0), (4, 8, 8, 3))
    np.testing.assert_array_equal(augment(jax.random.key(1), x, ()), x)
    moved = _translate(jax.random.split(jax.random.key(1), 3)[1], x)
    np.testing.assert_array_equal(augment(jax.random.key(1), x, ("translation",)), moved)
    with pytest.raises(InputError, match="colour, translation, cutout, not mixup"):
        TrainingConfig(augmentations=("mixup",))


def test_translation_shifts_and_fills_with_zeros():
    x = np.asarray(jax.random.normal(jax.random.key(0), (20, 8, 8, 3)))
    y = np.asarray(_translate(jax.random.key(1), jnp.asarray(x)))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifts = [(i, j) for i in range(3) for j in range(3)]
    found = [
        [(padded[n, i : i + 8, j : j + 8] == y[n]).all() for i, j in shifts] for n in range(20)
    ]
    assert np.sum(found, axis=1).tolist() == [1] * 20
    assert np.any(found, axis=0).sum() > 4


def test_cutout_blanks_one_square():
    y = np.asarray(_cutout(jax.random.key(1), jnp.ones((50, 20, 20, 3))))[..., 0] == 0
    sizes = y.sum(axis=(1, 2))
    rows, columns = y.any(axis=2).sum(axis=1), y.any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(sizes, rows * columns)
    assert sizes.max() == 7 * 7
    assert sizes.min() < 40  # some hang over the border


def test_minibatch_deviation_is_that_of_the_group():
    x = jax.random.normal(jax.random.key(0), (4, 2, 2, 3))
    y = np.asarray(pggan_discriminator.minibatch_deviation(x, 2))
    for group in ([0, 2], [1, 3]):
        members = np.asarray(x, np.float64)[group]
        expected = np.sqrt(members.var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(y[group, ..., 3], expected, rtol=1e-5)
    np.testing.assert_array_equal(y[..., :3], x)


@pytest.mark.slow
def test_discriminator_features_do_not_depend_on_the_batch():
    config = pggan_discriminator.DiscriminatorConfig((6, 5, 4))
    module = pggan_discriminator.pure_module(config)
    params = module.init(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (3, 16, 16, 3))
    features = module.bind(params).features(x)
    assert [f.shape for f in features] == [(3, 8, 8, 5), (3, 4, 4, 6)]
    for alone, together in zip(module.bind(params).features(x[1:2]), features, strict=True):
        np.testing.assert_allclose(alone[0], together[1], rtol=1e-5, atol=1e-5)
