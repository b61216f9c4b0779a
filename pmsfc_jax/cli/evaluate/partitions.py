"""The partitions of the channels that rows of a table need, each found once."""

import hashlib
from typing import Any, Literal

import jax
import numpy as np

from pmsfc_jax.api import (
    SplitGenerator,
    Subspaces,
    check_subspaces,
    discover_subspaces,
    load_subspaces,
    random_subspaces,
)
from pmsfc_jax.cli.console import progress_bar
from pmsfc_jax.cli.evaluate.options import Options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import default_layer
from pmsfc_jax.core.typing import Params
from pmsfc_jax.evaluation.methods import NUM_SUBSPACES
from pmsfc_jax.io.paths import shown

Kind = Literal["discovered", "random"]


def given_subspaces(options: Options, generator: SplitGenerator) -> Subspaces | None:
    """Those of ``--subspaces``, or ``None``.

    Raises:
      InputError: they cannot be read, or are not of this generator or of the cut that was given.

    """
    if options.subspaces is None:
        return None
    found = load_subspaces(options.subspaces)
    check_subspaces(generator, found)
    if options.layer not in (None, found.layer):
        raise InputError(
            f"{shown(options.subspaces)} holds subspaces of layer {found.layer}: give that as "
            "--layer, or leave it out"
        )
    return found


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

    def of(self, kind: Kind | None, layer: int) -> Subspaces | None:
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

    def settings_of(self, kind: Kind | None) -> dict[str, Any]:
        """What decides a row's subspaces, beside the generator, the layer and the seed."""
        facts: dict[str, Any] = {"partition": kind}
        if kind is not None and self.given is not None:
            labels = np.asarray(self.given.labels, np.int32)
            facts["labels_sha256"] = hashlib.sha256(labels.tobytes()).hexdigest()
        return facts
