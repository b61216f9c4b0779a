"""From stored weights to generators and judges."""

from dataclasses import asdict

import jax
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn import pggan, pggan_discriminator, stylegan2
from pmsfc_jax.registry import load_generator, load_perceptual_network
from pmsfc_jax.weights.store.folder import Network, save_weights
from pmsfc_jax.weights.store.manifest import read_manifest
from tests.nn.families import random_params

CONFIG = pggan.PGGANConfig(6, (6, 6, 6, 6))
JUDGE = pggan_discriminator.DiscriminatorConfig((6, 6))
ABSTRACT = pggan.pure_module(CONFIG).abstract_params


def generator(params=None, **changes):
    params = random_params(ABSTRACT) if params is None else params
    return Network(pggan.FAMILY, asdict(CONFIG) | changes, params)


def judge():
    params = random_params(pggan_discriminator.pure_module(JUDGE).abstract_params)
    return Network(pggan_discriminator.FAMILY, asdict(JUDGE), params)


def test_a_generator_by_name_and_by_path(tmp_path):
    save_weights(tmp_path / "faces", {"generator": generator()})
    for place in ("faces", tmp_path / "faces", str(tmp_path / "faces")):
        loaded, params = load_generator(place, weights_dir=tmp_path)
        assert loaded.spec.name == "faces"
        assert loaded.spec.identity == read_manifest(tmp_path / "faces").manifest_hash
        assert loaded.spec.image_shape == (8, 8, 3)
        z = loaded.spec.prior.draw(jax.random.key(0), 2)
        same = pggan.split_generator(CONFIG)(random_params(ABSTRACT), z)
        np.testing.assert_array_equal(loaded(params, z), same)


def test_identity_is_the_generator_s_alone(tmp_path):
    """Codes stay valid when a discriminator is added to the weights they were found with."""
    save_weights(tmp_path / "a", {"generator": generator()})
    save_weights(tmp_path / "b", {"generator": generator(), "discriminator": judge()})
    save_weights(tmp_path / "c", {"generator": generator(slope=0.1)})
    a, b, c = (load_generator(tmp_path / name)[0].spec.identity for name in "abc")
    assert a == b != c


def test_a_judge_beside_a_generator(tmp_path):
    save_weights(tmp_path / "faces", {"generator": generator(), "discriminator": judge()})
    found = load_perceptual_network("faces", weights_dir=tmp_path)
    assert found.name == "faces/discriminator"
    x = np.random.default_rng(0).standard_normal((2, 8, 8, 3)).astype(np.float32)
    features = found.extract(found.params, x)
    module = pggan_discriminator.pure_module(JUDGE)
    expected = module.bind(judge().params).features(x)
    for ours, theirs in zip(features, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_no_judge(tmp_path):
    save_weights(tmp_path / "faces", {"generator": generator()})
    assert load_perceptual_network("faces", weights_dir=tmp_path) is None
    with pytest.raises(InputError, match="no weights called"):
        load_perceptual_network("nobody", weights_dir=tmp_path)


def dropped(params, name):
    return {key: value for key, value in params.items() if key != name}


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (generator()._replace(family="stylegan9"), "of family 'stylegan9', and this version"),
        (judge(), "is not one of generators"),
        (generator(widths=(6, 6, 6)), "architecture of its generator is impossible"),
        (generator(colour=1), "unknown fields"),
        (generator(latent_dim="many"), "architecture of its generator is impossible"),
        (generator(widths=None), "architecture of its generator is impossible"),
        (generator(latent_dim=5), "conv0/kernel is (6, 4, 4, 6) and not (5, 4, 4, 6)"),
        (generator(dropped(random_params(ABSTRACT), "conv3")), "conv3/bias is missing"),
        (generator(random_params(ABSTRACT) | {"label": np.ones(2, np.float32)}), "label is extra"),
        (
            generator(
                random_params(ABSTRACT) | {"conv1": random_params(ABSTRACT["conv1"], np.int32)}
            ),
            "conv1/kernel holds int32",
        ),
    ],
)
def test_weights_that_are_not_what_they_say(tmp_path, network, expected):
    save_weights(tmp_path / "faces", {"generator": network})
    with pytest.raises(InputError) as caught:
        load_generator("faces", weights_dir=tmp_path)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_misfits_are_listed(tmp_path):
    params = dropped(random_params(ABSTRACT), "rgb8") | {"more": np.ones(2, np.float32)}
    save_weights(tmp_path / "faces", {"generator": generator(params)})
    with pytest.raises(InputError, match=r"rgb8/bias is missing; rgb8/kernel is missing; more is"):
        load_generator("faces", weights_dir=tmp_path)


def test_a_judge_that_judges_nothing(tmp_path):
    save_weights(tmp_path / "faces", {"generator": generator(), "discriminator": generator()})
    with pytest.raises(InputError, match="does not judge images"):
        load_perceptual_network("faces", weights_dir=tmp_path)


def stylegan2_network(**changes):
    config = stylegan2.StyleGAN2Config(6, 5, 1, (6, 6))
    params = random_params(stylegan2.pure_module(config).abstract_params)
    return Network(stylegan2.FAMILY, asdict(config) | changes, params)


def test_settings_can_be_chosen_when_loading(tmp_path):
    save_weights(tmp_path / "faces", {"generator": stylegan2_network()})

    def load(**settings):
        return load_generator("faces", weights_dir=tmp_path, settings=settings)[0]

    stored, other = load(), load(latent_space="z", truncation=0.5)
    assert (stored.spec.latent_sizes, other.spec.latent_sizes) == (((5,),), ((6,),))
    assert stored != other
    assert load(latent_space="w").spec.identity == stored.spec.identity
    assert other.spec.identity == load(latent_space="z", truncation=0.5).spec.identity
    assert len({g.spec.identity for g in (stored, other, load(latent_space="z"))}) == 3
    with pytest.raises(InputError, match="truncation is 2"):
        load(truncation=2)
    with pytest.raises(InputError, match="impossible"):
        load(truncation="half")
    with pytest.raises(InputError, match="widths of a generator of family stylegan2 cannot be"):
        load(widths=(3,))
