"""The oracle: a person's rows with labels flow in; what the default method would say with labels flows out."""

from __future__ import annotations

from typing import Final

import numpy as np

from ahdetect.calibration.adapt import Array
from ahdetect.calibration.methods.classifier import Prepared
from ahdetect.calibration.methods.person import WEIGHT, Person
from ahdetect.calibration.methods.source import Labels

FOLDS: Final = 5


def oracle(prepared: Prepared, x: Array, y: Labels) -> Array:
    """Probabilities of a person's rows, (n, classes), each from the labels of the person's rows of the other folds.

    The default method on all rows, with the classes of four fifths of them given. No method without labels can be
    expected to reach it.
    """
    person = Person(prepared, wholly=WEIGHT)
    fold = np.empty(len(y), np.intp)
    fold[np.argsort(y, kind="stable")] = np.arange(len(y)) % FOLDS  # each class spread over the folds
    p = np.zeros((len(y), prepared.source.classes))
    for k in range(FOLDS):
        known = np.full((len(y), prepared.source.classes), np.nan)
        known[fold != k] = np.eye(prepared.source.classes)[y[fold != k]]
        person.inform(x, known)
        p[fold == k] = person.predict(x[fold == k])
    return p
