"""The words of ``--task``, and the order in which losses have come about; knows no jax."""

from difflib import get_close_matches

from pmsfc_jax.core.errors import InputError

AUTO = "auto"
#: The word, and the operator of `tasks.degradations`, from the first loss to the last. All that is
#: said of a loss is in pixels of the photograph as it is, so a reduction comes first, and a mask,
#: which speaks of pixels of the file, last.
TASKS = {
    "super": "downsample",
    "colour": "grey",
    "deblur": "blur",
    "denoise": "noise",
    "jpeg": "jpeg",
    "inpaint": "mask",
}
_ALSO = {"color": "colour", "superresolution": "super", "super-resolution": "super"}


def parse_tasks(text: str) -> tuple[str, ...]:
    """``"denoise,super"`` as ``("super", "denoise")``: in the order of `TASKS`; ``auto`` is none.

    Raises:
      InputError: a word is unknown, comes twice, or stands beside ``auto``.

    """
    words = [word.strip().lower() for word in text.split(",")]
    words = [_ALSO.get(word, word) for word in words]
    if words == [AUTO]:
        return ()
    for word in words:
        if word == AUTO:
            raise InputError("--task auto stands alone: it finds out what each photograph has lost")
        if word not in TASKS:
            near = get_close_matches(word, TASKS, n=1)
            raise InputError(
                f"--task is {word!r}: choose among {', '.join(TASKS)}, several with commas "
                f"between, or auto{f' (did you mean {near[0]}?)' if near else ''}"
            )
    if len(set(words)) != len(words):
        raise InputError(f"--task {text} names a loss twice: name each once")
    return tuple(word for word in TASKS if word in words)
