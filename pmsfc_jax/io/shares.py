"""A run on many machines: who inverts what, and where.

shares.json          in the run's folder: the photographs, and the batches of each share
shares/2-of-8/       the second of eight shares, a run's folder of its own
shares/2-of-8/share.json    there when the share is done
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.io.plans import PlannedBatch

#: Names of the file and of the folder in a run's folder.
DEALT, SHARES = "shares.json", "shares"
_DONE = "share.json"
_FORMAT = 1


class Dealt(NamedTuple):
    """The photographs of a run, dealt to its shares.

    Attributes:
      photographs: ``{name: (sha256 of the file, absolute path)}`` in their order.
      shares: of each share its batches.

    """

    photographs: dict[str, tuple[str, str]]
    shares: tuple[tuple[PlannedBatch, ...], ...]

    def digest(self, share: int) -> str:
        """A hash of what the share ``share``, counted from 1, has to do."""
        return hashlib.sha256(repr(self.shares[share - 1]).encode()).hexdigest()

    def names(self, share: int) -> list[str]:
        """Names of the photographs of a share."""
        return [name for batch in self.shares[share - 1] for name, _ in batch.images]


class Done(NamedTuple):
    """What a share says when it is done.

    Attributes:
      digest: of what it had to do.
      failed: how many of its images never had a finite loss.
      left_out: how many of its photographs could not be used.

    """

    digest: str
    failed: int
    left_out: int


def deal(
    photographs: dict[str, tuple[str, str]],
    batches: Iterable[PlannedBatch],
    count: int,
    before: Dealt | None = None,
) -> Dealt:
    """Deal new batches, each to the share with the fewest images, the first of those.

    Args:
      photographs: of `Dealt`, all of the command.
      batches: that are to be dealt.
      count: shares.
      before: what was dealt earlier, which stays.

    """
    shares = [list(share) for share in before.shares] if before else [[] for _ in range(count)]
    for batch in batches:
        loads = [sum(len(one.images) for one in share) for share in shares]
        shares[loads.index(min(loads))].append(batch)
    known = before.photographs if before else {}
    return Dealt(known | photographs, tuple(map(tuple, shares)))


def share_folder(run: Path, share: int, count: int) -> Path:
    """The folder of a share of the run in the folder ``run``."""
    return run / SHARES / f"{share}-of-{count}"


def save_dealt(run: Path, dealt: Dealt) -> None:
    """Write ``shares.json``, whole or not at all.

    Raises:
      InputError: the file cannot be written.

    """
    shares = [
        [{"images": [name for name, _ in batch.images], "size": batch.size} for batch in share]
        for share in dealt.shares
    ]
    content = {"format": _FORMAT, "photographs": dealt.photographs, "shares": shares}
    write_text_atomic(run / DEALT, json.dumps(content, indent=1) + "\n")


def load_dealt(run: Path) -> Dealt | None:
    """Read ``shares.json``; ``None`` where there is none.

    Raises:
      InputError: the file is damaged, or of another version.

    """
    path = run / DEALT
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise InputError(f"{shown(path)} is of another version of pmsfc_jax")
        photographs = {
            str(name): (str(digest), str(file))
            for name, (digest, file) in content["photographs"].items()
        }
        shares = tuple(
            tuple(
                PlannedBatch(
                    tuple((name, photographs[name][0]) for name in batch["images"]),
                    int(batch["size"]),
                )
                for batch in share
            )
            for share in content["shares"]
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot read {shown(path)}: {os_reason(error)}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{shown(path)} is damaged: remove it, and run the first share again"
        ) from error
    return Dealt(photographs, shares)


def remove_dealt(run: Path) -> None:
    """Remove ``shares.json``."""
    (run / DEALT).unlink(missing_ok=True)


def save_done(folder: Path, done: Done) -> None:
    """Say in a share's folder that it is done.

    Raises:
      InputError: the file cannot be written.

    """
    write_text_atomic(folder / _DONE, json.dumps(done._asdict()) + "\n")


def load_done(folder: Path) -> Done | None:
    """What the share in this folder said; ``None`` where it is not done."""
    try:
        content = json.loads((folder / _DONE).read_text(encoding="utf-8"))
        return Done(str(content["digest"]), int(content["failed"]), int(content["left_out"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def not_done(run: Path, dealt: Dealt) -> list[int]:
    """Numbers of the shares, from 1, that have something to do and have not said it is done."""
    count = len(dealt.shares)

    def is_done(share: int) -> bool:
        done = load_done(share_folder(run, share, count))
        return done is not None and done.digest == dealt.digest(share)

    return [
        share for share in range(1, count + 1) if dealt.shares[share - 1] and not is_done(share)
    ]
