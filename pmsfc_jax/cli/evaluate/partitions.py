"""The partitions of the channels that rows of a table need, each found once."""

from typing import Any

import jax

from pmsfc_jax.api import SplitGenerator, Subspaces, discover_subspaces, random_subspaces
from pmsfc_jax.cli.console import progress_bar
from pmsfc_jax.cli.evaluate.options import Options
from pmsfc_jax.cli.partition import labels_sha256, subspaces_at
from pmsfc_jax.core.generator import default_layer
from pmsfc_jax.core.typing import Params
from pmsfc_jax.evaluation.methods import NUM_SUBSPACES, Partition


def given_subspaces(options: Options, generator: SplitGenerator) -> Subspaces | None:
    """Those of ``--subspaces``, or ``None``.

    Raises:
      InputError: they cannot be read, or are not of this generator or of the cut that was given.

    """
    if options.subspaces is None:
        return None
    otherwise = ": give that as --layer, or leave it out"
    return subspaces_at(options.subspaces, generator, options.layer, otherwise)


def layer_of(options: Options, generator: SplitGenerator, given: Subspaces | None) -> int:
    """The cut: that which was given, that of the given subspaces, or the usual one."""
    if given is not None:
        return given.layer
    return default_layer(generator.spec) if options.layer is None else options.layer


class Partitions:
    """Subspaces by kind and layer, found when they are first asked for.

    Attributes:
      given: what stands in the place of discovered ones, at its own layer.

    """

    def __init__(
        self, generator: SplitGenerator, params: Params, given: Subspaces | None, seed: int
    ) -> None:
        self.given = given
        self._generator, self._params, self._seed = generator, params, seed
        self._found: dict[int, Subspaces] = {} if given is None else {given.layer: given}

    def of(self, kind: Partition | None, layer: int) -> Subspaces | None:
        """The subspaces of a row; ``None`` for one that has none."""
        if kind is None:
            return None
        key = jax.random.key(self._seed)
        if layer not in self._found:
            with progress_bar("subspaces") as update:
                self._found[layer] = discover_subspaces(
                    self._generator,
                    self._params,
                    layer=layer,
                    num_subspaces=NUM_SUBSPACES,
                    key=key,
                    on_progress=update,
                )
        found = self._found[layer]
        return found if kind == "discovered" else random_subspaces(found, key)

    def settings_of(self, kind: Partition | None) -> dict[str, Any]:
        """What decides a row's subspaces, beside the generator, the layer and the seed."""
        facts: dict[str, Any] = {"partition": kind}
        if kind is not None and self.given is not None:
            facts["labels_sha256"] = labels_sha256(self.given)
        return facts
