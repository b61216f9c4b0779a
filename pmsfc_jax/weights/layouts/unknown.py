"""What to say of a file whose networks have no known layout."""

from collections.abc import Iterable, Mapping

from pmsfc_jax.weights.layouts.judges.relatives import other_vgg
from pmsfc_jax.weights.networks.group import Group


def unknown(groups: Iterable[Group], layouts: Iterable[str]) -> str:
    """Say what the file's largest network looks like, and which layouts there are."""
    known = ", ".join(layouts)
    groups = [group for group in groups if any(array.ndim for array in group.arrays.values())]
    if not groups:
        return f"the file holds no named arrays, so no network; known layouts are {known}"
    largest = max(groups, key=lambda group: len(group.arrays))
    relative = other_vgg(largest.arrays)
    if relative:
        return relative
    first = ", ".join(list(largest.arrays)[:4])
    where = f" of {largest.path!r}" if largest.path else ""
    return (
        f"no known layout: the {len(largest.arrays)} keys{where} begin with {first}; "
        f"known layouts are {known}{_not_arrays(largest.passed_over)}"
    )


def _not_arrays(passed_over: Mapping[str, str]) -> str:
    return f"; passed over were {passed_over_text(passed_over)}" if passed_over else ""


def passed_over_text(passed_over: Mapping[str, str], most: int = 8) -> str:
    """List what was passed over, the first few by name."""
    named = [f"{name} ({what})" for name, what in list(passed_over.items())[:most]]
    more = len(passed_over) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
