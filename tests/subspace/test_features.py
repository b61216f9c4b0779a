import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import Prior
from pmsfc_jax.subspace import feature_gram

from .synthetic import gram_of, relative_error


def reference(tiny, key, *, layer, num_samples, batch_size):
    """The Gram matrix from all samples at once, in float64 numpy."""
    batches = -(-num_samples // batch_size)
    rows = [tiny.features(jax.random.fold_in(key, i), batch_size, layer) for i in range(batches)]
    positions = rows[0].shape[0] // batch_size
    return gram_of(np.concatenate(rows)[: num_samples * positions])


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize(("num_samples", "batch_size"), [(48, 16), (41, 16), (5, 16)])
def test_equals_the_mean_over_all_samples_in_float64(tiny, layer, num_samples, batch_size):
    key = jax.random.key(3)
    gram = feature_gram(
        tiny.generator,
        tiny.params,
        layer=layer,
        key=key,
        num_samples=num_samples,
        batch_size=batch_size,
    )
    expected = reference(tiny, key, layer=layer, num_samples=num_samples, batch_size=batch_size)
    assert gram.dtype == jnp.float32
    assert relative_error(gram, expected) < 1e-6
    np.testing.assert_array_equal(gram, gram.T)


def test_stays_exact_over_a_hundred_thousand_samples(tiny):
    key, num_samples = jax.random.key(0), 100_000
    gram = feature_gram(
        tiny.generator, tiny.params, layer=0, key=key, num_samples=num_samples, batch_size=2000
    )
    expected = np.zeros(gram.shape)
    for index in range(50):
        expected += gram_of(tiny.features(jax.random.fold_in(key, index), 2000, 0)) / 50
    assert relative_error(gram, expected) < 5e-7


def test_is_one_trace_whatever_the_number_of_samples(tiny):
    def trace(seed, num_samples, layer):
        # No other test uses this batch size, so nothing is cached beforehand.
        feature_gram(
            tiny.generator,
            tiny.params,
            layer=layer,
            key=jax.random.key(seed),
            num_samples=num_samples,
            batch_size=13,
        )

    for seed, num_samples in ((0, 40), (1, 17), (2, 3)):
        trace(seed, num_samples, layer=0)
    assert tiny.head_calls == [0]
    trace(0, 40, layer=1)
    assert tiny.head_calls == [0, 1]


def test_memory_does_not_grow_with_the_number_of_samples(tiny):
    def live_bytes(num_samples):
        seen = []
        feature_gram(
            tiny.generator,
            tiny.params,
            layer=0,
            key=jax.random.key(0),
            num_samples=num_samples,
            batch_size=8,
            on_progress=lambda done, total: seen.append(
                sum(array.nbytes for array in jax.live_arrays())
            ),
        )
        return max(seen)

    assert live_bytes(800) <= live_bytes(24)


def test_depends_on_the_key_and_on_nothing_else(tiny):
    def gram(seed):
        return np.asarray(
            feature_gram(
                tiny.generator, tiny.params, layer=0, key=jax.random.key(seed), num_samples=70
            )
        )

    np.testing.assert_array_equal(gram(0), gram(0))
    assert np.abs(gram(0) - gram(1)).max() > 1e-3


def test_a_sample_that_does_not_count_cannot_spoil_the_sum(tiny):
    def poisoned_prior(key, num):
        z = tiny.generator.spec.prior.draw(key, num)
        return z.at[2:].set(jnp.nan)

    spec = dataclasses.replace(tiny.generator.spec, prior=Prior("other", poisoned_prior))
    generator = dataclasses.replace(tiny.generator, spec=spec)
    options = {"layer": 0, "key": jax.random.key(0), "batch_size": 4}
    gram = feature_gram(generator, tiny.params, num_samples=2, **options)
    clean = feature_gram(tiny.generator, tiny.params, num_samples=2, **options)
    np.testing.assert_array_equal(gram, clean)
    with pytest.raises(InputError, match="tiny gives features that are not finite at layer 0"):
        feature_gram(generator, tiny.params, num_samples=3, **options)


def test_half_precision_features_are_summed_in_float32(tiny):
    def head(params, z, *, layer):
        features, context = tiny.generator.head(params, z, layer=layer)
        return features.astype(jnp.bfloat16), context

    key = jax.random.key(0)
    gram = feature_gram(
        dataclasses.replace(tiny.generator, head=head),
        tiny.params,
        layer=0,
        key=key,
        num_samples=64,
    )
    rounded = tiny.features(jax.random.fold_in(key, 0), 64, 0)
    rounded = np.asarray(jnp.asarray(rounded, jnp.float32).astype(jnp.bfloat16)).astype(np.float64)
    assert relative_error(gram, gram_of(rounded)) < 1e-4


def test_progress_counts_samples(tiny):
    seen = []
    feature_gram(
        tiny.generator,
        tiny.params,
        layer=0,
        key=jax.random.PRNGKey(0),
        num_samples=37,
        batch_size=16,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(16, 37), (32, 37), (37, 37)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": 2}, "tiny has no layer 2"),
        ({"layer": -1}, "tiny has no layer -1"),
        ({"num_samples": 0}, "num_samples is 0"),
        ({"num_samples": 1.5}, "num_samples is 1.5"),
        ({"batch_size": -4}, "batch_size is -4"),
    ],
)
def test_bad_arguments_are_named(tiny, changes, message):
    arguments = {"layer": 0, "num_samples": 4, "key": jax.random.key(0), **changes}
    with pytest.raises(InputError, match=message):
        feature_gram(tiny.generator, tiny.params, **arguments)
    assert tiny.head_calls == []
