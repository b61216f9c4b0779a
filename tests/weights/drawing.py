"""Draw with a conversion of any family, for comparison with what its codebase drew."""

import json

import jax

from pmsfc_jax.registry import FAMILIES
from tests.weights.conversion import nchw


def generator_of(conversion):
    """As the registry would make it, through JSON."""
    family = FAMILIES[conversion.family]
    config = family.config_from_dict(json.loads(json.dumps(conversion.architecture)))
    return family.split_generator(config, "under test")


def settled(conversion, **changes):
    """The same conversion with other settings."""
    return conversion._replace(architecture=conversion.architecture | changes)


def drawn(conversion, latent, layer=-1):
    """Feature, context and image through a cut, feature and image NCHW."""
    generator = generator_of(conversion)
    layer = layer % generator.spec.num_layers
    with jax.default_matmul_precision("highest"):
        h, context = generator.head(conversion.params, latent, layer=layer)
        assert h.shape[1:] == generator.spec.feature_shape(layer)
        image = generator.tail(conversion.params, h, context, layer=layer)
    assert image.shape[1:] == generator.spec.image_shape
    return nchw(h), context, nchw(image)


def image_of(conversion, latent):
    return drawn(conversion, latent)[2]


def image_from(conversion, h, context, layer):
    with jax.default_matmul_precision("highest"):
        return nchw(generator_of(conversion).tail(conversion.params, h, context, layer=layer))
