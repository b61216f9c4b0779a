"""The manifest of a folder of converted weights: what is in it, where it came from, and checksums.

``manifest.json`` stands beside one Orbax checkpoint for each network of the folder. It is the only
thing a reader trusts: arrays that are not as it says are refused.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.version import __version__

#: Of the folder's structure. A reader refuses a later one.
FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"

_SHA256 = re.compile(r"[0-9a-f]{64}")
#: Networks are folders, so their names are kept to what every file system can hold.
NETWORK_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class ArrayFacts(NamedTuple):
    """Shape, dtype name and sha256 (of the little-endian bytes in C order) of one array."""

    shape: tuple[int, ...]
    dtype: str
    sha256: str


@dataclass(frozen=True)
class NetworkFacts:
    """One network of a folder.

    Attributes:
      family: name under which `pmsfc_jax.registry` knows how to build it.
      architecture: the family's configuration as plain JSON values.
      arrays: facts of each array, by its path in the params (``"conv0/kernel"``).
      files: sha256 of each file of the network's checkpoint, by its path in the checkpoint. They
        tell damage before it is read, and are no part of what the network is.

    """

    family: str
    architecture: dict[str, Any]
    arrays: dict[str, ArrayFacts]
    files: dict[str, str] = field(default_factory=dict)

    def identity(self) -> dict[str, Any]:
        """What determines the function: equal for every copy of the network."""
        arrays = {path: array._asdict() for path, array in self.arrays.items()}
        return {"family": self.family, "architecture": self.architecture, "arrays": arrays}


@dataclass(frozen=True)
class Source:
    """The file that was converted.

    Attributes:
      file: its name, without its folder.
      sha256: of its bytes.
      layout: of its keys, by the name of the table that read them.
      group: which of its networks was taken; empty where it holds one.
      choices: facts beside the arrays, each a ``"value"`` and where it is ``"from"``: ``"file"``,
        ``"given"`` or ``"default"``.
      native_cuts: layer index of each cut that the codebase has a name for.
      licence: of the weights, as far as it is known.
      address: where the file is published, where it was fetched by name.

    """

    file: str
    sha256: str
    layout: str
    group: str = ""
    choices: dict[str, Any] = field(default_factory=dict)
    native_cuts: dict[str, int] = field(default_factory=dict)
    licence: str = ""
    address: str = ""


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` says.

    Attributes:
      name: of the weights.
      networks: facts of each network by its role: ``"generator"``, ``"discriminator"``, ...
      source: the converted file; ``None`` for weights that were trained here.
      card: free notes, such as how the weights were trained.
      package_version: of the package that wrote them.

    """

    name: str
    networks: dict[str, NetworkFacts]
    source: Source | None = None
    card: dict[str, Any] = field(default_factory=dict)
    package_version: str = __version__

    @property
    def manifest_hash(self) -> str:
        """The sha256 of the canonical JSON of what the networks are: equal hash, equal function.

        Depends on families, architectures and arrays; not on name, source, card or version.
        """
        return _hash({role: facts.identity() for role, facts in self.networks.items()})

    def network_hash(self, role: str) -> str:
        """`manifest_hash` of one network alone, whatever lies beside it."""
        return _hash({role: self.network(role).identity()})

    def network(self, role: str) -> NetworkFacts:
        """Facts of the network ``role``.

        Raises:
          InputError: the folder holds no such network.

        """
        if role not in self.networks:
            raise InputError(f"{self.name} holds no {role}, only {', '.join(self.networks)}")
        return self.networks[role]

    def to_json(self) -> str:
        """The text of ``manifest.json``, for people to read too."""
        networks = {
            role: {**facts.identity(), "files": facts.files}
            for role, facts in self.networks.items()
        }
        content = {
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "manifest_hash": self.manifest_hash,
            "package_version": self.package_version,
            "source": None if self.source is None else asdict(self.source),
            "card": self.card,
            "networks": networks,
        }
        return json.dumps(content, indent=1, allow_nan=False) + "\n"


def plain_json(value: Any, what: str) -> Any:
    """Copy ``value`` as it will come back from JSON: tuples as lists, nothing but plain values.

    Raises:
      InputError: it holds something that JSON cannot.

    """
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} cannot be kept as JSON ({error}); use plain values") from error


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of ``folder``.

    Raises:
      InputError: there is none, it is unreadable or damaged, or of a later format.

    """
    path = folder / MANIFEST_FILE
    advice = "convert the weights again, or take the folder from where it was whole"
    try:
        content = json.loads(path.read_bytes())
        version = _take(content, "format_version", int)
        if version > FORMAT_VERSION:
            raise InputError(
                f"{path} is of format {version}, and this version of pmsfc_jax reads format "
                f"{FORMAT_VERSION}; install a later one"
            )
        manifest = Manifest(
            name=_take(content, "name", str),
            networks={
                role: _network(role, facts)
                for role, facts in _take(content, "networks", dict).items()
            },
            source=_source(content.get("source")),
            card=_take(content, "card", dict),
            package_version=_take(content, "package_version", str),
        )
        if _take(content, "manifest_hash", str) != manifest.manifest_hash:
            raise ValueError("manifest_hash does not fit its networks")
    except FileNotFoundError as error:
        raise InputError(f"{folder} holds no {MANIFEST_FILE}, so no converted weights") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except InputError:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is not a manifest: {_one_line(error)}; {advice}") from error
    return manifest


def _source(content: Any) -> Source | None:
    if content is None:
        return None
    optional = [field.name for field in fields(Source) if field.name in content]
    return Source(**{name: content[name] for name in optional})


def _network(role: str, facts: Any) -> NetworkFacts:
    if not NETWORK_NAME.fullmatch(role):
        raise ValueError(f"{role!r} cannot be the name of a network")
    arrays = {
        path: ArrayFacts(
            tuple(_checked(array, "shape", list, _is_shape)),
            _checked(array, "dtype", str, str.isalnum),
            _checked(array, "sha256", str, _SHA256.fullmatch),
        )
        for path, array in _take(facts, "arrays", dict).items()
    }
    files = _take(facts, "files", dict)
    for path in files:
        if ".." in path or path.startswith("/"):
            raise ValueError(f"{path!r} cannot be a file of a network")
        _checked(files, path, str, _SHA256.fullmatch)
    return NetworkFacts(
        _take(facts, "family", str), _take(facts, "architecture", dict), arrays, files
    )


def _take(content: Any, key: str, kind: type) -> Any:
    if not isinstance(content, Mapping) or type(content.get(key)) is not kind:
        raise ValueError(f"{key} is missing or of the wrong kind")
    return content[key]


def _checked(content: Any, key: str, kind: type, valid: Callable[[Any], Any]) -> Any:
    value = _take(content, key, kind)
    if not valid(value):
        raise ValueError(f"{key} is {value!r}")
    return value


def _is_shape(value: list[Any]) -> bool:
    return all(type(side) is int and side >= 0 for side in value)


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
