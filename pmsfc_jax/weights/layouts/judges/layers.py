"""What a whole pickled module says of a judging network's layers, against what is computed here."""

from collections.abc import Mapping

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.networks.group import Layer

_USUAL = ("Conv2d", "ReLU", "MaxPool2d", "Identity", "Dropout")


def check_layers(layers: Mapping[str, Layer], pooling: Mapping[str, int | bool]) -> None:
    """Check the layers below ``features``; nothing is said where the file is a state dict.

    Args:
      layers: of the network, by path.
      pooling: settings of its max-pooling.

    Raises:
      InputError: a layer is of another kind (an average pooling, say, as in style transfer), or
        pools otherwise; it is named.

    """
    for name, layer in layers.items():
        if not name.startswith("features."):
            continue
        if layer.kind not in _USUAL:
            raise InputError(
                f"the file says that {name} is of class {layer.kind}; expected one of "
                f"{', '.join(_USUAL)}"
            )
        for setting, usual in pooling.items() if layer.kind == "MaxPool2d" else ():
            value = layer.settings.get(setting, usual)
            if value not in (usual, (usual, usual)):
                raise InputError(f"the file says that {name} has {setting} {value}, not {usual}")
