"""BigGAN generators (Brock, Donahue, Simonyan: ICLR 2019): plain, hierarchical, and deep.

A dense layer makes 4x4 pixels; residual stages follow, and an attention. Class and code scale and
shift the channels of a stage before each of its convolutions. Batch norms and spectral norms do not
occur: at inference they multiply and shift, and converters fold them in.

Layer 0 is the dense one, layer ``i`` the output of stage ``i``, the sum of its branches; what
scales it belongs to the next stage. The context is what the stages of the tail are given, as far as
they use it: ``class [n, class_dim]``, and ``z``, either ``[n, latent_dim]`` or one chunk a stage,
``[n, s, chunk]``. All of it can be optimised; a class that is frozen is no part of it.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from pmsfc_jax.core.generator import GeneratorSpec, Prior, SplitGenerator, blend, normal_prior
from pmsfc_jax.core.typing import Array, Key
from pmsfc_jax.nn.biggan_config import BigGANConfig as BigGANConfig
from pmsfc_jax.nn.biggan_config import Stage as Stage
from pmsfc_jax.nn.biggan_config import config_from_dict as config_from_dict
from pmsfc_jax.nn.contextual import labelled, split_with_context
from pmsfc_jax.nn.functional import PureModule
from pmsfc_jax.nn.layers import conv2d, leaky_relu, upsample_conv2d, upsample_nearest

FAMILY = "biggan"

#: Standard deviations beyond which truncated codes are drawn again.
_BOUND = 2.0


class _Weights(nnx.Module):
    """A kernel, and a bias of its last axes."""

    def __init__(self, *shape: int, rngs: nnx.Rngs, bias: int = 1, start: float = 0.0):
        fan_in = 1
        for size in shape[: len(shape) - max(bias, 1)]:
            fan_in *= size
        self.kernel = nnx.Param(jax.random.normal(rngs.params(), shape) / fan_in**0.5)
        if bias:
            self.bias = nnx.Param(jnp.full(shape[-bias:], start))

    def affine(self, x: Array) -> Array:
        """``x [..., I] -> [..., O]``."""
        return x @ self.kernel[...] + self.bias[...].reshape(*(1,) * (x.ndim - 1), -1)


class _Norm(nnx.Module):
    """What is left of a batch norm: a scale and a shift for each channel, from a condition."""

    def __init__(self, condition: int, width: int, *, rngs: nnx.Rngs):
        self.scale = _Weights(condition, width, rngs=rngs, start=1.0)
        self.shift = _Weights(condition, width, rngs=rngs)

    def __call__(self, x: Array, condition: Array) -> Array:
        scale, shift = self.scale.affine(condition), self.shift.affine(condition)
        return leaky_relu(x * scale[:, None, None] + shift[:, None, None], 0.0)


class _Residual(nnx.Module):
    def __init__(self, incoming: int, stage: Stage, condition: int, *, rngs: nnx.Rngs):
        self.doubles = stage.doubles
        self.norm0 = _Norm(condition, incoming, rngs=rngs)
        self.conv0 = _Weights(3, 3, incoming, stage.width, rngs=rngs)
        self.norm1 = _Norm(condition, stage.width, rngs=rngs)
        self.conv1 = _Weights(3, 3, stage.width, stage.width, rngs=rngs)
        self.shortcut = _Weights(incoming, stage.width, rngs=rngs)

    def __call__(self, x: Array, condition: Array) -> Array:
        h = _convolved(self.norm0(x, condition), self.conv0, self.doubles)
        h = _convolved(self.norm1(h, condition), self.conv1)
        # One pixel's convolution and its doubling can change places.
        x = self.shortcut.affine(x)
        return h + (upsample_nearest(x) if self.doubles else x)


class _Bottleneck(nnx.Module):
    def __init__(self, incoming: int, stage: Stage, condition: int, *, rngs: nnx.Rngs):
        self.doubles, self.width = stage.doubles, stage.width
        self.norm0 = _Norm(condition, incoming, rngs=rngs)
        self.conv0 = _Weights(incoming, stage.middle, rngs=rngs)
        for place in (1, 2):
            setattr(self, f"norm{place}", _Norm(condition, stage.middle, rngs=rngs))
            conv = _Weights(3, 3, stage.middle, stage.middle, rngs=rngs)
            setattr(self, f"conv{place}", conv)
        self.norm3 = _Norm(condition, stage.middle, rngs=rngs)
        self.conv3 = _Weights(stage.middle, stage.width, rngs=rngs)

    def __call__(self, x: Array, condition: Array) -> Array:
        inside: Any = self
        h = self.conv0.affine(self.norm0(x, condition))
        h = _convolved(inside.norm1(h, condition), inside.conv1, self.doubles)
        h = _convolved(inside.norm2(h, condition), inside.conv2)
        h = self.conv3.affine(self.norm3(h, condition))
        x = x[..., : self.width]
        return h + (upsample_nearest(x) if self.doubles else x)


class _Attention(nnx.Module):
    def __init__(self, incoming: int, stage: Stage, *, rngs: nnx.Rngs):
        self.query = _Weights(incoming, stage.middle, rngs=rngs, bias=0)
        self.key = _Weights(incoming, stage.middle, rngs=rngs, bias=0)
        self.value = _Weights(incoming, stage.values, rngs=rngs, bias=0)
        self.out = _Weights(stage.values, stage.width, rngs=rngs, bias=0)

    def __call__(self, x: Array) -> Array:
        query = x.reshape(x.shape[0], -1, x.shape[-1]) @ self.query.kernel[...]
        key, value = (_pooled(x @ part.kernel[...]) for part in (self.key, self.value))
        seen = jax.nn.softmax(query @ key.swapaxes(1, 2), axis=-1) @ value
        return x + (seen @ self.out.kernel[...]).reshape(x.shape)


class _Image(nnx.Module):
    def __init__(self, incoming: int, *, rngs: nnx.Rngs):
        self.scale = nnx.Param(jnp.ones((incoming,)))
        self.shift = nnx.Param(jnp.zeros((incoming,)))
        self.conv = _Weights(3, 3, incoming, 3, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        scale, shift = (p[...].reshape(1, 1, 1, -1) for p in (self.scale, self.shift))
        return jnp.tanh(_convolved(leaky_relu(x * scale + shift, 0.0), self.conv))


class BigGAN(nnx.Module):
    """The generator as an NNX module; use it through `split_generator`.

    Params: ``classes [num_classes, class_dim]``; ``linear/kernel [d, 4, 4, C]``; a ``stage{i}``
    each with ``norm{j}/{scale,shift}`` (affine maps of the condition), ``conv{j}`` and, where there
    is one, ``shortcut``, or with ``query``, ``key``, ``value`` and ``out``; ``image`` with
    ``scale``, ``shift`` and ``conv``.
    """

    def __init__(self, config: BigGANConfig, *, rngs: nnx.Rngs):
        self.config = config
        table = jax.random.normal(rngs.params(), (config.num_classes, config.class_dim))
        self.classes = nnx.Param(table)
        self.linear = _Weights(config.first_dim, 4, 4, config.first_width, rngs=rngs, bias=3)
        for place, stage in enumerate(config.stages):
            made: nnx.Module
            if stage.kind == "attention":
                made = _Attention(config.width(place), stage, rngs=rngs)
            else:
                kind = _Residual if stage.kind == "residual" else _Bottleneck
                made = kind(config.width(place), stage, config.condition_dim, rngs=rngs)
            setattr(self, f"stage{place}", made)
        self.image = _Image(config.width(len(config.stages)), rngs=rngs)

    def mapping(self, noise: Any) -> dict[str, Array]:
        """What the prior draws as codes: with the embedding of the class."""
        if self.config.label is not None:
            return {"z": noise, "class": self._frozen(len(noise))}
        return {"z": noise["z"], "class": self.classes[...][noise["label"]]}

    def head(self, latent: Any, layer: int) -> tuple[Array, dict[str, Array]]:
        """Codes to the feature at ``layer`` and what the tail is given."""
        config = self.config
        z, embedded = (latent["z"], latent["class"]) if config.optimise_class else (latent, None)
        whole = {} if embedded is None else {"class": embedded}
        if config.conditioning == "chunks":
            first, *chunks = jnp.split(z, config.num_chunks, axis=1)
            whole["z"] = jnp.stack(chunks, axis=1)
        elif config.conditioning == "all":
            first = jnp.concatenate([self._class(whole, len(z)), z], axis=1)
            whole["z"] = z
        else:
            first = z
        kernel = self.linear.kernel[...]
        x = first @ kernel.reshape(kernel.shape[0], -1)
        x = x.reshape(-1, *kernel.shape[1:]) + self.linear.bias[...][None]
        x = self._stages(x, whole, 0, layer)
        used = config.remaining(0) - config.remaining(layer)
        if not config.remaining(layer):
            return x, {}
        if config.conditioning == "chunks":
            whole["z"] = whole["z"][:, used:]
        return x, whole

    def tail(self, h: Array, context: dict[str, Array], layer: int) -> Array:
        """``h [b, H, W, C] -> x [b, R, R, 3]``, from the feature at ``layer``."""
        image: Any = self.image
        return image(self._stages(h, context, layer, len(self.config.stages)))

    def _stages(self, x: Array, given: dict[str, Array], after: int, upto: int) -> Array:
        """The stages that follow layer ``after``, up to layer ``upto``."""
        config, used = self.config, 0
        for place in range(after, upto):
            stage = getattr(self, f"stage{place}")
            if not config.stages[place].conditional:
                x = stage(x)
                continue
            condition = self._class(given, len(x))
            if config.conditioning != "class":
                z = given["z"][:, used] if config.conditioning == "chunks" else given["z"]
                condition = jnp.concatenate([condition, z], axis=1)
            x, used = stage(x, condition), used + 1
        return x

    def _class(self, given: dict[str, Array], count: int) -> Array:
        return given["class"] if "class" in given else self._frozen(count)

    def _frozen(self, count: int) -> Array:
        row = self.classes[...][self.config.label]
        return jnp.broadcast_to(row[None], (count, self.config.class_dim))


def _convolved(x: Array, conv: Any, doubles: bool = False) -> Array:
    convolve = upsample_conv2d if doubles else conv2d
    return convolve(x, conv.kernel[...]) + conv.bias[...].reshape(1, 1, 1, -1)


def _pooled(x: Array) -> Array:
    """The largest of each block of two by two pixels: ``[n, H, W, C] -> [n, H W / 4, C]``."""
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4)).reshape(n, -1, c)


def pure_module(config: BigGANConfig) -> PureModule:
    """The generator's structure, to initialise or apply with explicit params."""
    return PureModule(lambda rngs: BigGAN(config, rngs=rngs))


def split_generator(config: BigGANConfig, name: str = FAMILY) -> SplitGenerator:
    """The generator of ``config`` as pure head and tail functions.

    A code is ``{"z": [latent_dim], "class": [class_dim]}``, the class being a row of its embedding
    and free to leave it; or z alone where the class is frozen.
    """
    layers = range(len(config.stages) + 1)
    prior = normal_prior(config.latent_dim)
    if config.truncation is not None:
        prior = _truncated_prior(config.latent_dim, config.truncation)
    if config.label is None:
        prior = labelled(prior, config.num_classes)
    latent: Any = _vector(config.latent_dim)
    if config.optimise_class:
        latent = {"z": latent, "class": _vector(config.class_dim)}
        prior = Prior("other", prior.draw)
    spec = GeneratorSpec(
        name=name,
        latent=latent,
        image_shape=(config.resolution, config.resolution, 3),
        feature_shapes=tuple((*(config.side(i),) * 2, config.width(i)) for i in layers),
        prior=prior,
        free_contexts=tuple(_context(config, layer) for layer in layers),
    )
    return split_with_context(
        pure_module(config),
        spec,
        program=(FAMILY, config),
        join=_join,
        mapped=config.optimise_class,
    )


def _truncated_prior(size: int, truncation: float) -> Prior:
    """Normals within two deviations, times ``truncation``: ``[num, size]``."""

    def draw(key: Key, num: int) -> Array:
        shape = (num, size)
        return truncation * jax.random.truncated_normal(key, -_BOUND, _BOUND, shape, jnp.float32)

    return Prior("other", draw)


def _context(config: BigGANConfig, layer: int) -> dict[str, Any]:
    remaining = config.remaining(layer)
    context = {}
    if remaining and config.optimise_class:
        context["class"] = _vector(config.class_dim)
    if remaining and config.conditioning == "all":
        context["z"] = _vector(config.latent_dim)
    if remaining and config.conditioning == "chunks":
        context["z"] = _vector(remaining, config.latent_part)
    return context


def _vector(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _join(contexts: dict[str, Array], share: Array, free: Any) -> dict[str, Array]:
    """Mean class and z of an image's codes, and what is optimised of them.

    A mean of independent normals has a smaller deviation than each; the mean of z is divided by
    that, so that it stays a code of the prior, and is z itself where one code draws the image.
    """
    joined = blend(contexts, share, ())
    if "z" in joined:
        shrunk = jnp.sqrt(jnp.sum(jnp.square(share), axis=1))
        joined["z"] = joined["z"] / shrunk.reshape(-1, *(1,) * (joined["z"].ndim - 1))
    return {name: leaf + free[name] if free else leaf for name, leaf in joined.items()}
