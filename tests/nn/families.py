"""Small configurations of every family in the registry, together using each of its options."""

import jax
import numpy as np

from pmsfc_jax.nn.biggan import BigGANConfig
from pmsfc_jax.nn.biggan import Stage as BigGANStage
from pmsfc_jax.nn.dcgan import DCGANConfig, Stage
from pmsfc_jax.nn.pggan import PGGANConfig
from pmsfc_jax.nn.pggan_discriminator import DiscriminatorConfig
from pmsfc_jax.nn.squeezenet import SqueezeNetConfig
from pmsfc_jax.nn.stylegan2 import StyleGAN2Config
from pmsfc_jax.nn.vgg16 import TAPS, VGG16Config

# Equal widths where nothing else is tested: eager operations are compiled once a shape.
GENERATORS = {
    "pggan": {
        "plain": PGGANConfig(6, (6, 6, 6, 6)),
        "stopped early, narrowing": PGGANConfig(6, (6, 4), extra_doublings=1, output="clip"),
        "fading, one norm fewer": PGGANConfig(6, (6, 6, 6, 6), unnormalised=(0, 1), fade=0.3),
        "rosinality": PGGANConfig(6, (6, 6, 6, 6), norm="preactivation", label_dim=2),
        "odegeasslbc": PGGANConfig(
            6,
            (6, 6, 6, 6, 6),
            norm="preactivation",
            latent_norm=False,
            slope=0.1,
            upsample="bilinear",
            output="tanh",
            fade=0.4,
            first_block=3,
        ),
    },
    "dcgan": {
        "as published": DCGANConfig(
            6,
            (
                Stage("transposed", 6, 4, activation="relu"),
                Stage("transposed", 6, 4, stride=2, padding=1, activation="relu"),
                Stage("transposed", 3, 4, stride=2, padding=1),
            ),
        ),
        "dense": DCGANConfig(
            6,
            (
                Stage("dense", 6, 3, activation="leaky_relu", slope=0.1),
                Stage("plain", 5, 3, padding=1, upsample=2, activation="relu"),
                Stage("plain", 4, 4, padding=2, activation="leaky_relu"),
                Stage("transposed", 3, 5, stride=2, padding=2, output_padding=1),
            ),
            output="linear",
            prior="uniform",
        ),
    },
    "stylegan2": {
        "skip in w": StyleGAN2Config(6, 5, 2, (6, 6, 6), truncation=0.7),
        "resnet in z, clamped": StyleGAN2Config(
            6,
            6,
            1,
            (6, 5, 6),
            "resnet",
            clamp=0.9,
            latent_space="z",
            truncation=0.7,
            truncated_styles=2,
        ),
        "classes in z": StyleGAN2Config(
            6, 6, 2, (6, 6), num_classes=3, latent_space="z", truncation=0.7
        ),
        "one class, plain": StyleGAN2Config(
            6, 6, 1, (6, 6), "plain", num_classes=3, label=1, truncation=0.7
        ),
    },
    "biggan": {
        "hierarchical": BigGANConfig(
            6,
            3,
            4,
            6,
            (
                BigGANStage("residual", 6, doubles=True),
                BigGANStage("attention", 6, 2, 3),
                BigGANStage("residual", 5, doubles=False),
            ),
            "chunks",
            truncation=0.7,
        ),
        "deep, one class at the start": BigGANConfig(
            6,
            4,
            3,
            6,
            (
                BigGANStage("bottleneck", 6, 3),
                BigGANStage("bottleneck", 4, 3, doubles=True),
            ),
            label=2,
        ),
        "class frozen": BigGANConfig(
            6,
            4,
            3,
            6,
            (BigGANStage("residual", 6, doubles=True), BigGANStage("attention", 6, 2, 3)),
            "class",
            label=1,
            optimise_class=False,
        ),
    },
}
JUDGES = {
    "pggan_discriminator": {
        "plain": DiscriminatorConfig((6, 6, 4)),
        "4x4 alone": DiscriminatorConfig((6,)),
        "fading": DiscriminatorConfig((6, 6), fade=0.3),
    },
    "vgg16": {
        "all taps": VGG16Config((2, 3, 4, 2, 3), TAPS),
        "two blocks, raw": VGG16Config((2, 3), ("relu2_2",), "raw"),
    },
    "squeezenet": {
        "1.0": SqueezeNetConfig(),
        "1.1": SqueezeNetConfig("1.1", taps=("conv1", "fire9")),
        "caffe": SqueezeNetConfig("1.0", "caffe"),
    },
}


def cases(families):
    """``(family, name)`` of every configuration, for parametrize."""
    return [(family, name) for family, configs in families.items() for name in configs]


def random_params(abstract, dtype=np.float32):
    """Params of the declared shapes, biases and all away from zero so that dropping one shows."""
    rng = np.random.default_rng(0)

    def draw(leaf):
        scale = 0.5 / np.sqrt(max(1, np.prod(leaf.shape[:-1])))
        return np.asarray(scale * rng.standard_normal(leaf.shape), dtype)

    return jax.tree.map(draw, abstract)
