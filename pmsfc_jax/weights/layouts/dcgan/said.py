"""What a whole pickled module says of the stages of a DCGAN: used where it can be, else refused.

A state dict has arrays and nothing else. A whole module also names its layers, and where they stand
in a `torch.nn.Sequential` their order is the order of computing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.layouts.dcgan.stages import StageKeys
from pmsfc_jax.weights.networks.group import Layer

_CONVOLUTIONS = {"transposed": "ConvTranspose2d", "plain": "Conv2d", "dense": "Linear"}
_NORMS = ("BatchNorm2d", "BatchNorm1d", "SyncBatchNorm")
# At inference these change nothing but shapes.
_INERT = ("Identity", "Flatten", "Unflatten", "Dropout", "Dropout1d", "Dropout2d", "AlphaDropout")
_UPSAMPLINGS = ("Upsample", "UpsamplingNearest2d")
# Class, our name, and the setting that is its slope.
_ACTIVATIONS = {
    "ReLU": ("relu", ""),
    "LeakyReLU": ("leaky_relu", "negative_slope"),
    "ELU": ("elu", "alpha"),
}
_OUTPUTS = {"Tanh": "tanh", "Sigmoid": "sigmoid"}


class Said(NamedTuple):
    """What the module's layers say.

    Attributes:
      stages: as they were assumed, with what the layers say in its place.
      output: what follows the last stage, ``None`` where no layer says it.
      fields: of `StageKeys` that the layers say, where each stage has a say.

    """

    stages: list[StageKeys]
    output: str | None
    fields: frozenset[str]


def read_said(layers: Mapping[str, Layer], stages: Sequence[StageKeys]) -> Said:
    """Read the stages of a module from its layers; what they do not say stays as assumed.

    Raises:
      InputError: a layer is of a kind, or has a setting, that no stage can have; it is named.

    """
    if not layers or any(stage.name not in layers for stage in stages):
        return Said(list(stages), None, frozenset())
    said = [_convolution(layers, stage) for stage in stages]
    said = [_norm(layers, stage) for stage in said]
    fields = {"stride", "padding", "output_padding", "norm_epsilon"}
    if any(layers[stage.name].sequence is None for stage in stages):
        _check_loose(layers, layers, said)
        return Said(said, None, frozenset(fields))
    said, output, complete = _activations(layers, said)
    if complete:
        fields |= {"activation", "slope"}
    loose = [name for name, layer in layers.items() if layer.sequence is None]
    _check_loose(loose, layers, said)
    return Said(said, output, frozenset(fields))


def _convolution(layers: Mapping[str, Layer], stage: StageKeys) -> StageKeys:
    layer = layers[stage.name]
    expected = _CONVOLUTIONS[stage.kind]
    if layer.kind != expected:
        raise InputError(
            f"{stage.name} is of class {layer.kind} and not {expected}, as is needed here"
        )
    if stage.kind == "dense":
        return stage
    for name, usual in (("dilation", 1), ("groups", 1), ("padding_mode", "zeros")):
        value = _single(layer.settings.get(name, usual))
        if value != usual:
            raise InputError(f"{stage.name} has {name} {value}: only {usual} can be used")
    values: dict[str, Any] = {}
    for name in ("stride", "padding", "output_padding"):
        value = _single(layer.settings.get(name))
        if type(value) is not int:
            raise InputError(
                f"{stage.name} has {name} {layer.settings.get(name)}: it has to be one whole number"
            )
        values[name] = value
    return stage._replace(**values)


def _norm(layers: Mapping[str, Layer], stage: StageKeys) -> StageKeys:
    layer = layers.get(stage.norm)
    if layer is None:
        return stage
    if layer.kind not in _NORMS:
        raise InputError(f"{stage.norm} is of class {layer.kind}: only batch norms can be used")
    epsilon: Any = layer.settings.get("eps")
    if type(epsilon) not in (int, float):
        raise InputError(f"{stage.norm} does not say its eps")
    return stage._replace(norm_epsilon=float(epsilon))


def _activations(
    layers: Mapping[str, Layer], stages: list[StageKeys]
) -> tuple[list[StageKeys], str | None, bool]:
    """Stages with the activations between them, the output, and whether every stage has one."""
    order = list(layers)
    at = [order.index(stage.name) for stage in stages]
    if at != sorted(at):
        return stages, None, False
    _refuse(layers, [n for n in order[: at[0]] if layers[n].kind not in _INERT])
    found: list[StageKeys] = []
    output, complete, doubled = None, True, 1
    for index, stage in enumerate(stages):
        last = index + 1 == len(stages)
        after = order[at[index] + 1 : None if last else at[index + 1]]
        if doubled > 1 and stage.kind != "plain":
            raise InputError(f"an upsampling stands before {stage.name}, which is no Conv2d")
        stage = stage._replace(upsample=doubled) if stage.kind == "plain" else stage
        doubled, activation = 1, None
        for name in after:
            layer = layers[name]
            if layer.kind in _INERT or (name == stage.norm and activation is None):
                continue
            if layer.kind in _UPSAMPLINGS and not last:
                doubled *= _factor(name, layer)
            elif layer.kind in _OUTPUTS and last and output is None:
                output = _OUTPUTS[layer.kind]
            elif layer.kind in _ACTIVATIONS and not last and activation is None and doubled == 1:
                activation = _activation(name, layer)
            else:
                _refuse(layers, [name])
        if activation is not None:
            stage = stage._replace(activation=activation[0], slope=activation[1])
        elif not last:
            complete = False
        found.append(stage)
    return found, output, complete


def _activation(name: str, layer: Layer) -> tuple[Any, float]:
    ours, setting = _ACTIVATIONS[layer.kind]
    slope: Any = layer.settings.get(setting, StageKeys._field_defaults["slope"])
    if type(slope) not in (int, float) or not 0 <= slope <= 1:
        raise InputError(
            f"{name} is of class {layer.kind} with {setting} {slope}: it has to be in [0, 1]"
        )
    return ours, float(slope)


def _factor(name: str, layer: Layer) -> int:
    mode = layer.settings.get("mode", "nearest")
    factor = _single(layer.settings.get("scale_factor"))
    if mode != "nearest" or layer.settings.get("size") is not None or factor != int(factor or 0):
        raise InputError(
            f"{name} is of class {layer.kind} with mode {mode} and factor {factor}: only nearest "
            "and whole factors can be used"
        )
    return int(factor)


def _check_loose(
    names: Iterable[str], layers: Mapping[str, Layer], stages: Sequence[StageKeys]
) -> None:
    """Refuse activations that no stage has; where a layer is used cannot be known here."""
    used = {(stage.activation, stage.slope) for stage in stages}
    kinds = {activation for activation, _ in used}
    for name in names:
        layer = layers[name]
        if layer.kind in _ACTIVATIONS:
            activation, slope = _activation(name, layer)
            fits = activation in kinds if activation == "relu" else (activation, slope) in used
            if not fits:
                _refuse(layers, [name])
        elif layer.kind in _ODD:
            _refuse(layers, [name])


#: Layers without arrays that change what a network computes.
_ODD = frozenset(
    [
        "SELU",
        "CELU",
        "GELU",
        "SiLU",
        "Mish",
        "Softplus",
        "Hardtanh",
        "ReLU6",
        "RReLU",
        "Hardswish",
        "Sigmoid",
        "PixelNorm",
        "InstanceNorm2d",
        "LocalResponseNorm",
        "PixelShuffle",
        "AvgPool2d",
        "MaxPool2d",
    ]
)


def _refuse(layers: Mapping[str, Layer], names: list[str]) -> None:
    for name in names[:1]:
        settings = ", ".join(
            f"{key}={layers[name].settings[key]}"
            for key in ("negative_slope", "alpha")
            if key in layers[name].settings
        )
        raise InputError(
            f"the file says that {name} is of class {layers[name].kind}"
            + (f" ({settings})" if settings else "")
            + ", which cannot be used there; known are ReLU, LeakyReLU and ELU after each norm, "
            "nearest upsampling before a Conv2d, and Tanh at the end"
        )


def _single(value: Any) -> Any:
    """The one number of a tuple of equal ones."""
    if isinstance(value, tuple) and len(set(value)) == 1:
        return value[0]
    return value
