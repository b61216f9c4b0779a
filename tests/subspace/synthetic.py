"""Features whose subspaces are known, made with numpy alone."""

from collections.abc import Sequence

import numpy as np


def union_of_subspaces(
    sizes: Sequence[int], dimension: int, *, noise: float = 0.0, num_rows: int = 3000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Features ``[num_rows, C]`` float64 and labels ``[C]``, channels in random order.

    The channels of each group lie in a random subspace of the given dimension, of their own.
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    features = np.zeros((num_rows, labels.size))
    for group, size in enumerate(sizes):
        basis = rng.standard_normal((num_rows, dimension)) / np.sqrt(dimension)
        features[:, labels == group] = basis @ rng.standard_normal((dimension, size))
    return features + noise * rng.standard_normal(features.shape), labels


def gram_of(features: np.ndarray) -> np.ndarray:
    """``F^T F / n`` in float64."""
    return features.T @ features / features.shape[0]


def constrained_ridge(gram: np.ndarray, mu: float) -> np.ndarray:
    """The ridge self-expression, each column from its own normal equations in float64."""
    gram = np.asarray(gram, np.float64)
    size = gram.shape[0]
    coefficients = np.zeros((size, size))
    for column in range(size):
        others = np.delete(np.arange(size), column)
        system = gram[np.ix_(others, others)] + mu * np.eye(size - 1)
        coefficients[others, column] = np.linalg.solve(system, gram[others, column])
    return coefficients


def relative_error(value, reference: np.ndarray) -> float:
    """``||value - reference|| / ||reference||``, Frobenius."""
    value = np.asarray(value, np.float64)
    return float(np.linalg.norm(value - reference) / np.linalg.norm(reference))
