"""Names for the arrays and trees that pass between the parts of the package."""

from collections.abc import Callable
from typing import Any

import jax

Array = jax.Array
#: A typed or legacy jax random key.
Key = jax.Array
#: A plain nested dict of arrays: the weights of one network.
Params = dict[str, Any]
#: ``(done, total)``, called now and then while something long goes on.
Progress = Callable[[int, int], None]
