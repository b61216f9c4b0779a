"""Names for the arrays and trees that pass between the parts of the package."""

from typing import Any

import jax

Array = jax.Array
#: A typed or legacy jax random key.
Key = jax.Array
#: A plain nested dict of arrays: the weights of one network.
Params = dict[str, Any]
