"""A DCGAN-like generator of no known codebase, described by a small JSON file.

``pmsfc convert FILE --name N --set architecture=stack.json`` reads any stack of convolutions. All
that can be read from shapes is (widths, kernel sides, length of a code); the description says the
rest. It is one object:

    family   "dcgan" (the default, and the only one)
    prior    what codes were drawn from in training: "normal" (the default), or "uniform" in [-1, 1]
    output   of the last stage: "tanh" (the default), "linear", or "sigmoid", whose pictures in
             [0, 1] are stretched to [-1, 1]
    ignore   beginnings of keys to leave out, such as "auxiliary."; by default none
    stages   a list of objects, from the code to the image of three channels, or one

and a stage is, in the order in which the network computes it:

    upsample        nearest-neighbour enlargement before a plain convolution, by this factor (1)
    name            of the layer: its kernel is the key NAME.weight; required
    kind            "transposed" or "plain" convolution, or "dense": a linear layer whose output is
                    reshaped to square maps, channels first (only the first stage); required
    stride          of the convolution (1)
    padding         as PyTorch counts it (0)
    output_padding  of a transposed convolution (0)
    bias            whether there is a NAME.bias (false)
    norm            name of the batch norm that follows ("", for none); it may come before or after
                    the reshaping of a dense layer, but before the activation
    norm_epsilon    of that norm (1e-5)
    activation      "relu", "leaky_relu", "elu" or "linear" (the default); the last stage has none
    slope           of the leaky ReLU, or alpha of the ELU (0.2)

A stage that is a norm and an activation alone cannot be described.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.layouts.dcgan.facts import check_described
from pmsfc_jax.weights.layouts.dcgan.stages import StageKeys, convert_stages, stage_keys
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout
from pmsfc_jax.weights.layouts.options import Choice, Choices

# No description is nearly as long.
_MAX_BYTES = 1 << 20
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def described_layout(path: str | Path) -> Layout:
    """The layout that the JSON file at ``path`` describes; its fields are at the top of the module.

    Raises:
      InputError: the file cannot be read, is no JSON, or a field is missing, unknown or of the
        wrong type.

    """
    path = Path(path)
    try:
        return _layout(_read(path), path.name)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise InputError("is too long to describe a network; expected a small JSON file")
        content = json.loads(text)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON ({str(error)[:80]})") from error
    if not isinstance(content, dict):
        raise InputError("holds no JSON object with prior, output and stages")
    return content


def _layout(content: Mapping[str, Any], name: str) -> Layout:
    facts = {"family": "dcgan", "prior": "normal", "output": "tanh", "ignore": [], **content}
    unknown = sorted(set(facts) - {"family", "prior", "output", "ignore", "stages"})
    if unknown:
        raise InputError(f"has unknown fields {', '.join(unknown)}")
    for field, known in (
        ("family", ("dcgan",)),
        ("prior", ("normal", "uniform")),
        ("output", ("tanh", "linear", "sigmoid")),
    ):
        if facts[field] not in known:
            raise InputError(f"{field} is {facts[field]!r}, not one of {', '.join(known)}")
    ignored = facts["ignore"]
    if not isinstance(ignored, list) or not all(isinstance(key, str) and key for key in ignored):
        raise InputError("ignore has to be a list of beginnings of keys")
    described = facts.get("stages")
    if not isinstance(described, list) or len(described) < 2:
        raise InputError("stages has to be a list of two stages or more")
    stages = [_stage(stage, index) for index, stage in enumerate(described)]

    def convert(group: Group, choices: Choices) -> Conversion:
        choices.pick("architecture")
        # The folder the description lay in is nobody's business later.
        choices.settled[-1] = Choice("architecture", name, "given")
        arrays = {k: a for k, a in group.arrays.items() if not k.startswith(tuple(ignored))}
        check_described(group, stages, facts["output"])
        return convert_stages(
            arrays,
            stages,
            facts["output"],
            facts["prior"],
            native_cuts={stage.name: layer for layer, stage in enumerate(stages[:-1])},
        )

    return Layout(
        name="dcgan_described",
        codebases=f"as {name} describes",
        keys=(),
        own=stage_keys(stages),
        preferred=("netG", "generator", "G"),
        options=("architecture",),
        convert=convert,
    )


def _stage(stage: Any, index: int) -> StageKeys:
    if not isinstance(stage, dict):
        raise InputError(f"stage {index} is no JSON object")
    known = StageKeys.__annotations__
    unknown = sorted(set(stage) - set(known))
    missing = sorted({"name", "kind"} - set(stage))
    if unknown or missing:
        raise InputError(
            f"stage {index} has unknown fields {unknown}, lacks {missing}; "
            f"it can have {', '.join(known)}"
        )
    values = dict(stage)
    kinds: dict[str, type] = {"name": str, "kind": str}
    kinds |= {field: type(default) for field, default in _DEFAULTS.items()}
    for field, value in values.items():
        kind = kinds[field]
        if kind is float and type(value) is int:
            values[field] = value = float(value)
        if type(value) is not kind:
            raise InputError(f"{field} of stage {index} is {value!r}; it has to be {_KINDS[kind]}")
    if not values["name"]:
        raise InputError(f"stage {index} has an empty name")
    if not 0 <= values.get("norm_epsilon", 0.0) < math.inf:
        raise InputError(f"norm_epsilon of stage {index} is {values['norm_epsilon']}; it is from 0")
    return StageKeys(**values)


_DEFAULTS: Mapping[str, Any] = StageKeys._field_defaults
