"""Vectors of models that don't make them of length 1, or that can be cut."""

import numpy as np
from numpy.typing import NDArray

from ingest.types import Vector


def unit(rows: NDArray[np.floating], dimensions: int | None) -> Vector:
    """The first `dimensions` of each row, scaled to length 1; None keeps all of them.

    A row of zeros, such as some models give for a text without words, becomes the first unit vector.
    """
    vectors: Vector = np.array(rows[:, :dimensions], np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    is_zero = lengths[:, 0] == 0
    vectors[is_zero, 0] = lengths[is_zero] = 1
    vectors /= lengths
    return vectors
