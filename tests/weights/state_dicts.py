"""Networks of a tree as plain dicts of arrays."""

from pmsfc_jax.weights.networks.find import find_groups


def find_state_dicts(tree):
    return {group.path: group.arrays for group in find_groups(tree)}
