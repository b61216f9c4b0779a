"""Settle what the arrays of a DCGAN do not say: as given, as the file says, else as assumed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.layouts.dcgan.said import Said, read_said
from pmsfc_jax.weights.layouts.dcgan.stages import StageKeys
from pmsfc_jax.weights.layouts.layout import Group
from pmsfc_jax.weights.layouts.options import Choices

#: What can be set, whatever the codebase.
OPTIONS = ("output", "slope", "eps", "prior")


class Facts(NamedTuple):
    """Stages, output and prior as they are to be converted."""

    stages: list[StageKeys]
    output: Any
    prior: Any


def settle_facts(
    group: Group, choices: Choices, stages: Sequence[StageKeys], *, prior: str = "normal"
) -> Facts:
    """Settle the facts of a codebase's stages, each recorded in ``choices``.

    Args:
      group: the network; its layers are asked where the file is a whole module.
      choices: may set ``output``, ``slope``, ``eps`` and ``prior`` for all stages, and
        ``activation`` and ``padding`` (of all stages but the first) where the layout takes them.
      stages: what the codebase uses.
      prior: what its codes are drawn from.

    Raises:
      InputError: the file says something that cannot be used, or a fact does not fit.

    """
    said = read_said(group.layers, stages)
    found = said.stages
    found = _settled(choices, found, said, "eps", "norm_epsilon", lambda i, s: bool(s.norm))
    if choices.takes("activation"):
        found = _settled(choices, found, said, "activation", "activation", _is_hidden)
    if choices.takes("padding"):
        found = _settled(choices, found, said, "padding", "padding", lambda i, s: i > 0)
    if any(stage.activation in ("leaky_relu", "elu") for stage in found):
        found = _settled(choices, found, said, "slope", "slope", _has_slope)
    output = _output(choices, said)
    return Facts(found, output, choices.pick("prior", default=prior))


def check_described(group: Group, stages: Sequence[StageKeys], output: str) -> None:
    """Check that the layers of a whole module are what a user's description says.

    Raises:
      InputError: one is not; it is named.

    """
    said = read_said(group.layers, stages)
    for wanted, found in zip(stages, said.stages, strict=True):
        for field in StageKeys._fields:
            if field == "slope" and wanted.activation == found.activation != "leaky_relu":
                continue
            if getattr(wanted, field) != getattr(found, field):
                raise InputError(
                    f"{field} of {wanted.name} is {getattr(wanted, field)} in the description and "
                    f"{getattr(found, field)} in the file"
                )
    if said.output not in (None, output):
        raise InputError(f"output is {output} in the description and {said.output} in the file")


def _settled(
    choices: Choices, stages: list[StageKeys], said: Said, name: str, field: str, concerns: Any
) -> list[StageKeys]:
    """Stages with one field settled; of those that it concerns."""
    those = [i for i, stage in enumerate(stages) if concerns(i, stage)]
    values = [getattr(stages[i], field) for i in those]
    if not those:
        return stages
    if not choices.is_given(name):
        known = values[0] if len(set(values)) == 1 else values
        if field in said.fields:
            choices.note(name, known)
        else:
            choices.assume(name, known)
        return stages
    value = choices.pick(name)
    # The slope of an activation that is given is its usual one.
    changes: dict[str, Any] = {field: value}
    if (name, value) == ("activation", "elu"):
        changes["slope"] = 1.0
    return [s._replace(**changes) if i in those else s for i, s in enumerate(stages)]


def _is_hidden(index: int, stage: StageKeys) -> bool:
    return bool(stage.norm)


def _has_slope(index: int, stage: StageKeys) -> bool:
    return stage.activation in ("leaky_relu", "elu")


def _output(choices: Choices, said: Said) -> str:
    if said.output == "sigmoid" and not choices.is_given("output"):
        raise InputError(
            "the file says that its output is a Sigmoid, which draws in [0, 1] and not in [-1, 1]; "
            "to stretch its pictures, add --set output=sigmoid"
        )
    return str(choices.pick("output", stored=said.output, default="tanh"))
