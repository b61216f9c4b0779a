"""Self-expression with the paper's whole objective: features, pictures and an L1 norm (equation 6).

`paper_step` has the objective and one step, `paper_search` the loops over latents.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Key, Progress
from pmsfc_jax.subspace.numerics.checks import gram_matrix
from pmsfc_jax.subspace.numerics.precision import Precision, like_input
from pmsfc_jax.subspace.numerics.self_expression import (
    SelfExpressionResult,
    residual_of,
    solve,
    sparsity_of,
)
from pmsfc_jax.subspace.numerics.solvers import PAPER, SOLVERS, all_zero_mu, check_mu, default_l1_mu
from pmsfc_jax.subspace.paper.options import PaperOptions
from pmsfc_jax.subspace.paper.search import HeldOut, Search
from pmsfc_jax.subspace.paper.step import Weights, first_state

#: By how much of itself the second half of the steps may change the objective, if it is to count
#: as minimised. The largest violation of the optimality conditions is no measure of that here: over
#: tens of thousands of coefficients the sampling of latents alone makes a large one.
SETTLED = 0.01


def paper_expression(
    generator: SplitGenerator,
    params: Any,
    gram: ArrayLike,
    *,
    layer: int,
    key: Key,
    mu: float | None = None,
    options: PaperOptions | None = None,
    precision: Precision = "float64",
    on_progress: Progress | None = None,
) -> SelfExpressionResult:
    """Coefficients that write every channel by the others and redraw the pictures (equation 6).

    ``E||F - F S||^2 + lam E||tail(h) - tail(T(F S))||^2 + mu ||S||_1`` with the first term in the
    units of the Gram matrix (a mean over latents and positions, a sum over channels) and the second
    a mean over latents, pixels and colours. Adam in float32 with a proximal step for the L1 norm,
    on latents that are drawn afresh in every step; see `paper_step`.

    ``kkt_residual`` is that of the whole objective with the image term's gradient taken over the
    held-out latents, so that it never falls below their sampling error. ``converged`` therefore
    asks something else: whether the second half of the steps changed the objective, on the held-out
    latents, by at most `SETTLED` of it.

    Args:
      generator: the generator.
      params: its weights.
      gram: ``[C, C]`` of its features at ``layer``, from `feature_gram`.
      layer: the cut.
      key: a jax random key; every random choice is derived from it.
      mu: weight of the L1 norm; None is the lasso's default, 0.03 of the penalty at which all
        coefficients would be zero if there were no pictures.
      options: weight of the pictures and length of the search.
      precision: of the solver that gives the start, see `self_expression`.
      on_progress: called as ``on_progress(done, total)`` in latents drawn.

    Returns:
      As `self_expression`, with ``image_error`` and ``image_weight``.

    Raises:
      InputError: as `self_expression`; no such layer; a Gram matrix of another size; pictures that
        are not finite, or all zero where they are to set the weight; steps that diverge.
    """
    options = options or PaperOptions()
    cut = Cut(generator, layer)
    matrix = gram_matrix(gram)
    if len(matrix) != cut.channels:
        raise InputError(
            f"the Gram matrix has {len(matrix)} channels and {generator.spec.name} has "
            f"{cut.channels} at layer {layer}: expected that of the same layer"
        )
    penalty = check_mu(mu) if mu is not None else default_l1_mu(matrix)
    search = Search(cut, params, options, key, on_progress)

    start_mu = penalty if options.start == "lasso" else SOLVERS["ridge"].default_mu(matrix)
    start = like_input(
        solve(matrix, options.start, start_mu, precision=precision).result.coefficients, gram
    )
    weight = options.image_weight
    if weight is None:
        weight = _balancing_weight(matrix, search.held_out(start), generator.spec.name)
    weights = Weights(jnp.asarray(weight, start.dtype), jnp.asarray(penalty, start.dtype))
    device_gram = jnp.asarray(matrix, start.dtype)

    def objective(coefficients: np.ndarray, found: HeldOut) -> float:
        features = np.trace(matrix) * residual_of(matrix, coefficients)
        return float(features + weight * found.image_error + penalty * np.sum(np.abs(coefficients)))

    half = options.num_steps // 2
    state = search.descend(first_state(start), device_gram, weights, range(half))
    halfway = objective(
        np.array(state.coefficients, np.float64), search.held_out(state.coefficients)
    )
    state = search.descend(state, device_gram, weights, range(half, options.num_steps))
    final, found = np.array(state.coefficients, np.float64), search.held_out(state.coefficients)
    gained = (halfway - objective(final, found)) / halfway
    converged = abs(gained) <= SETTLED
    gradient = 2 * (matrix @ (final - np.eye(cut.channels))) + weight * found.gradient
    return SelfExpressionResult(
        coefficients=state.coefficients,
        residual=residual_of(matrix, final),
        mu=penalty,
        off_diagonal_norm=float(np.linalg.norm(final)),
        sparsity=sparsity_of(final),
        kkt_residual=_violation(gradient, final, penalty) / (all_zero_mu(matrix) or 1.0),
        iterations=options.num_steps,
        converged=converged,
        advice=""
        if converged
        else f"the second half of the {options.num_steps} steps still changed the objective by "
        f"{-gained:+.1%}: give more num_steps, or another learning_rate",
        method=PAPER,
        image_error=found.image_error,
        image_weight=weight,
    )


def _balancing_weight(gram: np.ndarray, before: HeldOut, name: str) -> float:
    """The image weight at which both terms, where nothing is right, count the same."""
    if before.energy == 0:
        raise InputError(
            f"every picture that {name} draws is zero, which leaves image_weight open: give it, or "
            "check the weights"
        )
    return float(np.trace(gram)) / before.energy


def _violation(gradient: np.ndarray, coefficients: np.ndarray, l1: float) -> float:
    """Largest violation of the optimality conditions off the diagonal, as in `kkt_residual`."""
    moving = np.abs(gradient + l1 * np.sign(coefficients))
    resting = np.maximum(np.abs(gradient) - l1, 0)
    violation = np.where(coefficients != 0, moving, resting)
    np.fill_diagonal(violation, 0)
    return float(violation.max())
