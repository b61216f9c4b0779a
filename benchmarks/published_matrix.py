"""What spectral clustering finds in the matrix that the paper's authors published, and how surely.

    python benchmarks/published_matrix.py pmsfc_celebahq_layer3_step50.npy

For every number of subspaces: adjusted Rand index between the partitions of different keys, for the
paper's affinity and for the released refinement, and k-means inertia beside scikit-learn's at equal
restarts on the same rows. scikit-learn is needed for the last column only.
"""

import argparse
import itertools
import json
from pathlib import Path

import jax
import numpy as np
from sklearn.cluster import KMeans

from pmsfc_jax.subspace import (
    adjusted_rand_index,
    affinity,
    choose_num_clusters,
    spectral_clustering_details,
)

# The published refinement: 6 dimensions a subspace.
RELEASED = {"keep_mass": 0.2, "affinity_power": 2.0}
DIMENSION = 6


def affinities(coefficients: np.ndarray, num_subspaces: int) -> dict[str, jax.Array]:
    """The affinities that are compared, by name."""
    rank = min(DIMENSION * num_subspaces + 1, coefficients.shape[0])
    return {
        "plain": affinity(coefficients),
        "released": affinity(coefficients, rank=rank, **RELEASED),
    }


def measure(matrix: jax.Array, num_subspaces: int, options: argparse.Namespace) -> dict:
    """Agreement between keys and inertia against scikit-learn, for one affinity and R."""
    results = [
        spectral_clustering_details(
            matrix,
            num_subspaces,
            key=jax.random.key(seed),
            num_restarts=options.restarts,
            enough=options.restarts,  # all of them, as scikit-learn does
        )
        for seed in range(options.seeds)
    ]
    scores = [
        adjusted_rand_index(one.labels, other.labels)
        for one, other in itertools.combinations(results, 2)
    ]
    rows = np.asarray(results[0].embedding, np.float64)[~np.asarray(results[0].isolated)]
    reference = KMeans(num_subspaces, n_init=options.restarts, random_state=0).fit(rows)
    inertias = [result.inertia for result in results]
    return {
        "ari_mean": float(np.mean(scores)),
        "ari_least": float(np.min(scores)),
        "inertia_most": max(inertias),
        "inertia_least": min(inertias),
        "scikit_learn_inertia": float(reference.inertia_),
        "largest_subspace": int(np.bincount(np.asarray(results[0].labels)).max()),
        "isolated": int(np.asarray(results[0].isolated).sum()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("matrix", type=Path, help="coefficients [C, C] in a .npy file")
    numbers = [2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 25, 30]
    parser.add_argument("--numbers", type=int, nargs="+", default=numbers, help="of subspaces")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--restarts", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("published_matrix.json"))
    options = parser.parse_args()

    coefficients = np.load(options.matrix)
    spectrum = spectral_clustering_details(
        affinity(coefficients), None, key=jax.random.key(0), num_restarts=1
    )
    chosen, gaps = choose_num_clusters(spectrum.eigenvalues)
    lines = [
        f"Normalised affinity, eigenvalues: "
        f"{', '.join(f'{value:.3f}' for value in np.asarray(spectrum.eigenvalues)[:8])}. "
        f"Largest gap after the second or later: R={chosen} ({gaps[chosen - 1]:.3f}; after the "
        f"first {gaps[0]:.3f}). Agreement over {options.seeds} keys, {options.restarts} restarts.",
        "",
        "| R | affinity | ARI between keys, mean | least | inertia, worst key | scikit-learn | "
        "largest subspace |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    report = {
        "matrix": options.matrix.name,
        "seeds": options.seeds,
        "restarts": options.restarts,
        "jax": jax.__version__,
        "eigenvalues": np.asarray(spectrum.eigenvalues, np.float64)[:32].tolist(),
        "eigengap_choice": chosen,
    }
    rows = []
    for number in options.numbers:
        for name, matrix in affinities(coefficients, number).items():
            row = {"num_subspaces": number, "affinity": name, **measure(matrix, number, options)}
            rows.append(row)
            lines.append(
                f"| {number} | {name} | {row['ari_mean']:.3f} | {row['ari_least']:.3f} | "
                f"{row['inertia_most']:.4f} | {row['scikit_learn_inertia']:.4f} | "
                f"{row['largest_subspace']} |"
            )
            print(lines[-1], flush=True)
            # After every row, so that a run that is stopped leaves what it measured.
            options.out.write_text(json.dumps({**report, "rows": rows}, indent=2) + "\n")
            options.out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
