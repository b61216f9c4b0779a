"""Facts that a checkpoint may not hold, and how they are given, looked up or asked for."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pmsfc_jax.core.errors import InputError


class Option(NamedTuple):
    """One fact: its type, what it means, and its values where they are few."""

    kind: type
    meaning: str
    values: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf


#: Every fact that some layout takes.
OPTIONS: dict[str, Option] = {
    "output": Option(
        str, "what the network does to its image", ("linear", "tanh", "clip", "sigmoid")
    ),
    "equalised": Option(bool, "whether kernels are scaled at run time"),
    "fused": Option(bool, "whether upsampling convolutions are stored as transposed ones"),
    "lod": Option(float, "level of detail, 0 for the whole network", low=0),
    "alpha": Option(
        float, "share of a fading resolution, as the codebase defines it", low=0, high=1
    ),
    "step": Option(int, "resolution that was trained last, 0 for 4x4", low=0),
    "depth": Option(int, "number of the resolution to stop at, as the codebase counts it", low=1),
    "label": Option(int, "class to draw", low=0),
    "latent_space": Option(str, "space of StyleGAN2's codes", ("w", "z")),
    "truncation": Option(
        float, "how far codes stray from their centre, 1 for freely", low=0, high=1
    ),
    "truncated_styles": Option(int, "styles to truncate, from the coarsest on, 0 for all", low=0),
    "noise": Option(str, "StyleGAN2's noise maps", ("stored", "none")),
    "optimise_class": Option(bool, "whether the class is optimised like the code"),
    "epsilon": Option(float, "what batch norms add to a variance", low=0),
    "colours": Option(str, "order of an image's channels", ("rgb", "bgr")),
    "clamp": Option(float, "largest magnitude after an activation, 0 for no limit", low=0),
    "activation": Option(
        str, "what follows each hidden layer", ("relu", "leaky_relu", "elu", "linear")
    ),
    "slope": Option(float, "slope of the leaky ReLU, or alpha of an ELU", low=0, high=1),
    "eps": Option(float, "what batch norms add to the variance", low=0, high=10),
    "padding": Option(int, "of all convolutions but the first, as PyTorch counts it", low=0),
    "upsample": Option(str, "how maps are doubled", ("nearest", "bilinear")),
    "prior": Option(str, "what codes were drawn from in training", ("normal", "uniform")),
    "taps": Option(str, "layers whose outputs are the features, with commas between them"),
    "input": Option(str, "what a judging network's input is", ("imagenet", "raw")),
    "architecture": Option(str, "JSON file that describes a network of no known layout"),
}


class Choice(NamedTuple):
    """One fact that was settled, and by what.

    ``origin`` is ``"file"``, ``"given"``, or ``"default"`` for what was assumed.
    """

    name: str
    value: Any
    origin: str


def parse_options(assignments: Iterable[str]) -> dict[str, Any]:
    """Read ``field=value`` texts, as the command line takes them, into typed values.

    Raises:
      InputError: not of that form, or no such field or value.

    """
    parsed: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or name not in OPTIONS:
            raise InputError(
                f"{assignment!r} does not set a known field: write field=value with one of "
                f"{', '.join(OPTIONS)}"
            )
        parsed[name] = check_option(name, _typed(name, text))
    return parsed


def check_option(name: str, value: Any) -> Any:
    """Check one value, whatever the layout.

    Raises:
      InputError: it is of the wrong type or out of range.

    """
    option = OPTIONS[name]
    if option.kind is float and type(value) is int:
        value = float(value)
    fits = type(value) is option.kind
    if fits and option.values:
        fits = value in option.values
    if fits and option.kind in (int, float):
        fits = option.low <= value <= option.high
    if not fits:
        raise InputError(f"{name} is {value!r}; it has to be {_domain(option)} ({option.meaning})")
    return value


class Choices:
    """The facts of one conversion: what was given, and a record of what was used.

    Raises:
      InputError: a fact was given that the layout has no use for, or a value is impossible.

    """

    def __init__(self, layout: str, takes: tuple[str, ...], given: Mapping[str, Any]):
        given = {name: value for name, value in given.items() if value is not None}
        surplus = [name for name in given if name not in takes]
        if surplus:
            can = f"it takes {', '.join(takes)}" if takes else "it takes none"
            raise InputError(f"the {layout} layout has no {', '.join(surplus)} to set; {can}")
        self._takes = takes
        self._given = {name: check_option(name, value) for name, value in given.items()}
        self._asked: list[str] = []
        self.settled: list[Choice] = []

    def pick(self, name: str, *, stored: Any = None, default: Any = None, ask: str = "") -> Any:
        """Settle one fact: as given, else as the file has it, else the default, else ask.

        Args:
          name: of the fact.
          stored: what the file says, ``None`` where it says nothing.
          default: what the codebase uses unless told otherwise.
          ask: which values the codebases use, where there is no safe default.

        Returns:
          The value, or ``None`` if it has to be asked for: call `ask_if_needed` before using it.

        """
        for value, origin in (
            (self._given.get(name), "given"),
            (stored, "file"),
            (default, "default"),
        ):
            if value is not None:
                if origin == "file":
                    value = check_option(name, value)
                self.settled.append(Choice(name, value, origin))
                return value
        self._asked.append(f"{name}, {OPTIONS[name].meaning} ({ask})")
        return None

    def maybe(self, name: str) -> Any:
        """Settle a fact that may stay open: as given, else ``None``."""
        value = self._given.get(name)
        if value is not None:
            self.settled.append(Choice(name, value, "given"))
        return value

    def takes(self, name: str) -> bool:
        """Whether the layout leaves this fact open."""
        return name in self._takes

    def is_given(self, name: str) -> bool:
        """Whether the caller settled this fact."""
        return name in self._given

    def assume(self, name: str, value: Any) -> None:
        """Record a fact that nothing says."""
        self.settled.append(Choice(name, value, "default"))

    def note(self, name: str, value: Any) -> None:
        """Record a fact that the file settles and nobody can change."""
        self.settled.append(Choice(name, value, "file"))

    def check_all_used(self) -> None:
        """Stop if a fact was given that changed nothing.

        Raises:
          InputError: it names them.

        """
        settled = {choice.name for choice in self.settled}
        idle = [name for name in self._given if name not in settled]
        if idle:
            raise InputError(
                f"{', '.join(idle)} {'is' if len(idle) == 1 else 'are'} of no use for what is in "
                "the file: leave out what was given"
            )

    def ask_if_needed(self) -> None:
        """Stop if a fact is missing.

        Raises:
          InputError: it names every missing fact and the values in use.

        """
        if self._asked:
            give = " ".join(f"--set {asked.split(',')[0]}=..." for asked in self._asked)
            raise InputError(
                f"the file does not say {' nor '.join(self._asked)}; give what is missing: {give}"
            )


def _typed(name: str, text: str) -> Any:
    kind = OPTIONS[name].kind
    if kind is bool:
        return {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}.get(
            text.strip().lower(), text
        )
    try:
        return kind(text.strip())
    except ValueError:
        return text


def _domain(option: Option) -> str:
    if option.values:
        return "one of " + ", ".join(option.values)
    if option.kind is bool:
        return "true or false"
    if option.kind is str:
        return "text"
    what = "a whole number" if option.kind is int else "a number"
    if math.isfinite(option.high):
        return f"{what} from {option.low:g} to {option.high:g}"
    return f"{what} from {option.low:g} up"
