"""What makes two channels belong together: the affinities to choose from in a discovery."""

from typing import Any, Literal, get_args

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Key
from pmsfc_jax.subspace.correlation import correlation_affinity, feature_mean
from pmsfc_jax.subspace.numerics.affinity import cosine_affinity
from pmsfc_jax.subspace.sensitivity import channel_effects

Relation = Literal["self_expression", "cosine", "correlation", "effect"]
RELATIONS: tuple[Relation, ...] = get_args(Relation)
#: Pairs of codes between which every channel is exchanged alone, for ``"effect"``.
EFFECT_PAIRS = 32


def check_relation(relation: str, *, refined: bool) -> None:
    """Refuse an unknown relation, and options of the coefficients where these are not used.

    Raises:
      InputError: either of the two.

    """
    if relation not in RELATIONS:
        raise InputError(f"relation is {relation!r}: choose one of {', '.join(RELATIONS)}")
    if refined and relation != "self_expression":
        raise InputError(
            "keep_mass, rank and affinity_power refine the coefficients, which relation "
            f"{relation!r} does not use: leave them out, or choose self_expression"
        )


def relation_affinity(
    relation: Relation,
    generator: SplitGenerator,
    params: Any,
    gram: Array,
    *,
    layer: int,
    gram_key: Key,
    num_samples: int,
    batch_size: int,
    effect_key: Key,
) -> Array:
    """Affinity ``[C, C]`` of channels that does not come from coefficients.

    Args:
      relation: ``"cosine"``: of features, `cosine_affinity` of the Gram matrix; ``"correlation"``:
        of features about their means; ``"effect"``: of the changes that channels make to pictures,
        each exchanged alone between pairs of random codes, see `channel_effects`.
      generator: the generator.
      params: its weights.
      gram: of `feature_gram`.
      layer: the cut.
      gram_key: the key that ``gram`` was made with.
      num_samples: latents in ``gram``.
      batch_size: latents a step in ``gram``.
      effect_key: key of the pairs of codes.

    Raises:
      InputError: features, or effects, that relate no two channels.

    """
    if relation == "cosine":
        return cosine_affinity(gram)
    if relation == "correlation":
        mean = feature_mean(
            generator,
            params,
            layer=layer,
            key=gram_key,
            num_samples=num_samples,
            batch_size=batch_size,
        )
        return correlation_affinity(gram, mean)
    effects = channel_effects(
        generator, params, layer=layer, key=effect_key, num_pairs=EFFECT_PAIRS
    )
    return cosine_affinity(effects.gram)
