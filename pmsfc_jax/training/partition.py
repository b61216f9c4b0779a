"""The partition in whose subspaces samples are mixed: found, found again, dealt as a control."""

import jax
import numpy as np

from pmsfc_jax.core.masks import random_partition
from pmsfc_jax.core.typing import Key, Params
from pmsfc_jax.nn import pggan
from pmsfc_jax.subspace.discover import discover_subspaces
from pmsfc_jax.subspace.settings import DiscoverySettings, Latents
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.equalised import to_effective

#: A thousand features of hundreds of positions determine a Gram matrix well enough, and cost a few
#: steps of training.
_DISCOVERY = DiscoverySettings(latents=Latents(num_samples=1024))


def is_due(config: TrainingConfig, step: int, labels: np.ndarray | None) -> bool:
    """Whether the partition has to be found before step ``step``.

    Given whether there is one, a function of the step alone, so that a run that is resumed finds it
    where one that was never stopped does.
    """
    mixing = config.mixing
    if mixing is None:
        return False
    every = max(1, mixing.refresh_images // config.batch_size)
    return labels is None or (mixing.partition == "discovered" and step % every == 0)


def find_labels(
    config: TrainingConfig, side: int, fading: bool, average: Params, key: Key
) -> np.ndarray:
    """The subspace of every channel ``[C]`` of the average generator's layer, int32.

    Args:
      config: the run's settings; its ``mixing`` names the layer.
      side: of the stage.
      fading: whether its new layers fade in.
      average: raw kernels, on any devices: it is found on one of them.
      key: a jax random key.

    Raises:
      InputError: features of that layer are zero or not finite.

    """
    mixing = config.mixing
    assert mixing is not None
    found = discover_subspaces(
        pggan.split_generator(config.generator(side, fading)),
        to_effective(jax.tree.map(np.asarray, average)),
        layer=mixing.layer,
        num_subspaces=mixing.num_subspaces,
        key=key,
        settings=_DISCOVERY,
    )
    labels = found.labels
    if mixing.partition == "random":
        labels = random_partition(jax.random.fold_in(key, 1), labels)
    return np.asarray(labels, np.int32)
