"""What does not fit together is refused before anything is done."""

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.checks import partition_of
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.subspace import subspaces_from_labels

LABELS = [0, 1, 2, 0, 1, 0, 0, 1, 2, 0, 1, 0]


def test_subspaces_of_other_weights_are_refused(tiny):
    own, other = (tiny[0].with_identity(letter * 64) for letter in "ab")
    found = subspaces_from_labels(LABELS, 2, own)
    cut, masks = partition_of(own, InversionConfig(), found)
    assert (cut.layer, masks.shape) == (2, (3, 12))
    with pytest.raises(InputError, match="discover them for this generator"):
        partition_of(other, InversionConfig(), found)
