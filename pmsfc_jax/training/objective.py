"""What the two networks of a stage minimise.

There are two losses, both with lazily applied gradient penalties (Karras et al., CVPR 2020). The
non-saturating one has R1, on photographs (Mescheder, Geiger, Nowozin: ICML 2018). The relativistic
pairing one (Jolicoeur-Martineau: ICLR 2019) has R1 and R2, on samples too (Huang, Gokaslan,
Kuleshov, Tompkin: NeurIPS 2024): a sample has to look more real than the photograph it is paired
with, so that to draw nothing but typical pictures is no longer enough.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.nn import pggan, pggan_discriminator
from pmsfc_jax.nn.layers import downsample_mean, upsample_nearest
from pmsfc_jax.training.augment import augment, mirror
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.equalised import to_effective
from pmsfc_jax.training.mixing import Mixed, mix

_FULL = jnp.dtype("float32")


class StepKeys(NamedTuple):
    """Independent random keys of one step, by what they decide."""

    mirror: Key
    latents: Key
    generator_sees_samples: Key
    discriminator_sees_photographs: Key
    discriminator_sees_samples: Key
    generator_sees_photographs: Key
    mixing: Key


def step_keys(key: Key) -> StepKeys:
    """The keys of the step whose key is ``key``."""
    drawn = jax.random.split(key, 6)
    # Folded in beside them, so that a run without mixing is what it was before there was any.
    return StepKeys._make([*drawn, jax.random.fold_in(key, 6)])


class Logits(NamedTuple):
    """What the discriminator said: means over photographs and samples, and the penalty."""

    real: Array
    fake: Array
    penalty: Array


class Objective:
    """Both losses of the stage at ``side``, as functions of raw kernels.

    Networks compute in ``config.compute_dtype``; what they give, losses and penalty are float32.
    """

    def __init__(self, config: TrainingConfig, side: int, fading: bool):
        self._config = config
        self._fading = fading
        self._generator = pggan.pure_module(config.generator(side, fading))
        self._discriminator = pggan_discriminator.pure_module(config.discriminator(side, fading))
        self._dtype = jnp.dtype(config.compute_dtype)
        self._relativistic = config.loss == "relativistic"

    def real(self, key: Key, photographs: Array, fade: Array) -> Array:
        """Photographs uint8 ``[b, s, s, 3]`` as networks see them: in [-1, 1], half mirrored.

        While layers fade in, the resolution below has its share in photographs as in samples.
        """
        real = photographs.astype(jnp.float32) / 127.5 - 1
        real = mirror(key, real)
        if self._fading:
            real = (1 - fade) * real + fade * upsample_nearest(downsample_mean(real))
        return real

    def sample(self, generator: Params, z: Array, fade: Array, mixed: Mixed | None = None) -> Array:
        """Codes ``z [b, d]`` to samples ``[b, s, s, 3]``, drawn from mixed features or plain."""
        module = self._generator.bind(_cast(to_effective(generator), self._dtype))
        layer = 0 if mixed is None else mixed.layer
        h = module.head(z.astype(self._dtype), layer)
        if mixed is not None:
            h = mix(h, module.head(mixed.codes.astype(self._dtype), layer), mixed)
        return module.tail(h, layer, self._share(fade, self._dtype)).astype(_FULL)

    def judge(
        self, discriminator: Params, x: Array, fade: Array, dtype: jnp.dtype | None = None
    ) -> Array:
        """Logits ``[b]`` of images ``x``, computed in ``dtype`` where it is another."""
        dtype = dtype or self._dtype
        module = self._discriminator.bind(_cast(to_effective(discriminator), dtype))
        return module(x.astype(dtype), self._share(fade, dtype)).astype(_FULL)

    def generator_loss(
        self,
        discriminator: Params,
        real: Array,
        fake: Array,
        fade: Array,
        keys: StepKeys,
    ) -> Array:
        """What the generator that drew ``fake`` minimises."""
        on_fake = self.judge(discriminator, self._seen(keys.generator_sees_samples, fake), fade)
        if not self._relativistic:
            return jax.nn.softplus(-on_fake).mean()
        on_real = self.judge(discriminator, self._seen(keys.generator_sees_photographs, real), fade)
        return jax.nn.softplus(on_real - on_fake).mean()

    def discriminator_loss(
        self,
        discriminator: Params,
        real: Array,
        fake: Array,
        fade: Array,
        keys: StepKeys,
        *,
        penalised: bool,
    ) -> tuple[Array, Logits]:
        """What the discriminator minimises, and what it said on the way."""
        seen_real = self._seen(keys.discriminator_sees_photographs, real)
        on_real, r1 = self._judge_and_slope(discriminator, seen_real, fade, penalised=penalised)
        seen_fake = self._seen(keys.discriminator_sees_samples, fake)
        on_fake, r2 = self._judge_and_slope(
            discriminator, seen_fake, fade, penalised=penalised and self._relativistic
        )
        penalty = r1 + r2
        if self._relativistic:
            loss = jax.nn.softplus(on_fake - on_real).mean()
        else:
            loss = jax.nn.softplus(on_fake).mean() + jax.nn.softplus(-on_real).mean()
        loss = loss + 0.5 * self._config.r1_gamma * self._config.r1_interval * penalty
        return loss, Logits(on_real.mean(), on_fake.mean(), penalty)

    def _judge_and_slope(
        self, discriminator: Params, x: Array, fade: Array, *, penalised: bool
    ) -> tuple[Array, Array]:
        """Logits of ``x``, and the mean square of their slope where it is penalised."""
        if not penalised:
            return self.judge(discriminator, x, fade), jnp.zeros(())

        def total(x: Array) -> tuple[Array, Array]:
            # A derivative of a derivative: too much for eight bits of mantissa.
            logits = self.judge(discriminator, x, fade, _FULL)
            return logits.sum(), logits

        gradient, logits = jax.grad(total, has_aux=True)(x)
        return logits, jnp.square(gradient).sum((1, 2, 3)).mean()

    def _seen(self, key: Key, x: Array) -> Array:
        return augment(key, x, self._config.augmentations)

    def _share(self, fade: Array, dtype: jnp.dtype) -> Array | None:
        return fade.astype(dtype) if self._fading else None


def _cast(params: Params, dtype: jnp.dtype) -> Params:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), params)
