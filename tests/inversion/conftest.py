"""Targets and a partition for the tiny generator."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.operator import IDENTITY, Observation
from pmsfc_jax.inversion.compose import initial_codes, reconstruct
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.form import form_of, traced
from pmsfc_jax.inversion.invert import invert
from pmsfc_jax.inversion.optimise import advance, start
from pmsfc_jax.inversion.problem import misfit_of, pose
from pmsfc_jax.inversion.resume import Resume, Stopped
from pmsfc_jax.nn import pggan
from pmsfc_jax.subspace import subspaces_from_labels


def partition(labels, layer):
    """Subspaces with given labels."""
    return subspaces_from_labels(labels, layer)


@pytest.fixture(scope="session")
def subspaces():
    """Three uneven subspaces of the twelve channels of layer 2."""
    return partition([0, 1, 2, 0, 1, 0, 0, 1, 2, 0, 1, 0], layer=2)


@pytest.fixture(scope="session")
def small():
    """A generator of 8x8 pictures, quicker to compile for: ``(generator, params)``."""
    config = pggan.PGGANConfig(latent_dim=6, widths=(6, 6, 4, 4))
    return pggan.split_generator(config, "small"), pggan.pure_module(config).init(jax.random.key(7))


@pytest.fixture(scope="session")
def small_targets(small):
    """Three pictures of noise, in [-1, 1]."""
    shape = small[0].spec.image_shape
    return np.random.default_rng(0).uniform(-1, 1, (3, *shape)).astype(np.float32)


@pytest.fixture(scope="session")
def targets(tiny):
    """Five pictures that the generator can draw, in [-1, 1]."""
    generator, params = tiny
    z = generator.spec.prior.draw(jax.random.key(3), 5)
    return np.tanh(np.asarray(jax.jit(lambda p: generator(p, z))(params)))


def drawn_codes(tiny, composition="pmsfc", layer=2):
    """Starting codes of two pictures, two codes in each of three subspaces."""
    generator, params = tiny
    chosen = composition_of(composition)
    rows = chosen.rows(jnp.ones((3, generator.spec.feature_shape(layer)[-1])))
    keys = jax.random.split(jax.random.key(1), 2)
    return initial_codes(Cut(generator, layer), chosen, params, keys, num_rows=len(rows), codes=2)


def picture(tiny, codes, masks, composition="pmsfc", layer=2):
    """Equation 8 of some codes."""
    generator, params = tiny
    cut, chosen = Cut(generator, layer), composition_of(composition)
    return reconstruct(cut, chosen, params, codes, jnp.asarray(masks))[0]


def form(generator, config, extract=None, groups=None, operator=IDENTITY):
    """What programs for these settings depend on."""
    return form_of(config, Cut(generator, config.layer), operator, extract, groups)


def misfit(form, config, params, target, masks, codes, v_params=None):
    """The misfit of a batch of targets seen as they are."""
    v_params = {} if v_params is None else v_params
    problem = pose(form, v_params, Observation(target), masks, codes)
    weights = traced(config, len(target)).weights
    return misfit_of(form, params, v_params, problem, weights)


class Loop:
    """The compiled loop on two targets, as a batch of an inversion runs it."""

    def __init__(self, form, config, params, target, masks, v_params=None):
        self.form, self.params, self.masks = form, params, masks
        self.v_params = {} if v_params is None else v_params
        self.observation = Observation(target)
        self.traced = traced(config, len(target))

    def start(self, codes):
        return start(self.form, self.v_params, codes, self.observation, self.masks, self.traced)

    def advance(self, problem, state, steps):
        state, info = advance(
            self.form,
            self.params,
            self.v_params,
            problem,
            state,
            self.traced,
            jnp.int32(steps),
        )
        return state, jax.tree.map(lambda leaf: leaf[:steps], info)

    def run(self, codes, steps):
        problem, state = self.start(codes)
        return self.advance(problem, state, steps)


def assert_same_bits(ours, expected):
    """Two results are equal but for the time they took."""
    names = ("reconstruction", "losses", "best_step", "guarded", "failed", "restarted")
    for name in names:
        np.testing.assert_array_equal(getattr(ours, name), getattr(expected, name), name)
    pairs = zip(
        jax.tree.leaves(ours.drawing.codes), jax.tree.leaves(expected.drawing.codes), strict=True
    )
    for a, b in pairs:
        np.testing.assert_array_equal(a, b)


class Memory:
    """Keeps snapshots in a dictionary, as copies."""

    def __init__(self, due=True):
        self.kept, self.steps, self._due = {}, [], due

    def resume(self):
        return Resume(
            load=lambda name, shapes: self.kept.get(name),
            save=self.save,
            due=lambda: self._due,
            clear=lambda name: self.kept.pop(name, None),
        )

    def save(self, name, snapshot):
        self.steps.append(snapshot.step)
        self.kept[name] = jax.tree.map(np.copy, snapshot)


def stop_after(calls):
    """Says stop when it has been asked ``calls`` times."""
    asked = itertools.count()
    return lambda: next(asked) >= calls


def stopped_after(calls, small, targets, key, config, memory=None):
    """What an inversion keeps that is told to stop when it has asked ``calls`` times."""
    memory = memory or Memory(due=False)
    with pytest.raises(Stopped):
        invert(
            *small,
            targets,
            key=key,
            config=config,
            resume=memory.resume(),
            should_stop=stop_after(calls),
        )
    return memory
