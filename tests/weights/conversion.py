"""Convert arrays or fixture files in memory, and compare with what a codebase gives."""

import contextlib
import json
from unittest import mock

import jax
import numpy as np

from pmsfc_jax.nn import pggan
from pmsfc_jax.nn.layers import conv2d, upsample_conv2d
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.table import recognise
from pmsfc_jax.weights.reader.checkpoint import read_checkpoint

TOLERANCE = 1e-4

_COMPILED = {"conv2d": jax.jit(conv2d), "upsample_conv2d": jax.jit(upsample_conv2d)}


def converted(tree, which=None, **options):
    """The conversion of a checkpoint's tree."""
    found = recognise(tree, which)
    choices = Choices(found.layout.name, found.layout.options, options)
    conversion = found.layout.convert(found.group, choices)
    choices.check_all_used()
    return conversion


def converted_file(path, which=None, **options):
    return converted(read_checkpoint(path).tree, which, **options)


def generator_of(conversion):
    # Through JSON, as a manifest would bring it back.
    architecture = json.loads(json.dumps(conversion.architecture))
    return pggan.split_generator(pggan.config_from_dict(architecture))


@contextlib.contextmanager
def quick():
    """Evaluate op by op, in full precision.

    Eager calls would trace the two convolutions anew each time, and compiling whole networks for
    one evaluation each would take minutes.
    """
    with mock.patch.multiple(pggan, **_COMPILED), jax.default_matmul_precision("highest"):
        yield


def through_cuts(conversion, z):
    """The feature at each layer and the image drawn from it, both NCHW: one pair a layer."""
    generator = generator_of(conversion)
    z = np.asarray(z, np.float32)
    pairs = []
    with quick():
        for layer in range(generator.spec.num_layers):
            h, context = generator.head(conversion.params, z, layer=layer)
            assert h.shape[1:] == generator.spec.feature_shape(layer)
            image = generator.tail(conversion.params, h, context, layer=layer)
            assert image.shape[1:] == generator.spec.image_shape
            pairs.append((nchw(h), nchw(image)))
    return pairs


def image_of(conversion, z):
    """The image through the last cut, NCHW."""
    generator = generator_of(conversion)
    with quick():
        return nchw(generator(conversion.params, np.asarray(z, np.float32)))


def normalised(feature):
    """A feature as codebases have it that normalise after the activation."""
    return feature / np.sqrt(np.mean(feature**2, axis=1, keepdims=True) + 1e-8)


def nchw(x):
    return np.asarray(x).transpose(0, 3, 1, 2)


def error(ours, theirs):
    """``max|a - b| / max|b|``; the whole of it where the shapes differ."""
    if ours.shape != theirs.shape:
        return np.inf
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def short(value):
    """A name of a parameter that is the same in every process, as parallel runs need it."""
    return value.__name__ if callable(value) else str(value)[:40]
