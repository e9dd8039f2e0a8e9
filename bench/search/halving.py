"""The stages of successive halving by scikit-learn, for the tests of `protocol/src/spec/search/plan.rs`.

    python3 -m venv /tmp/halving && /tmp/halving/bin/pip install scikit-learn==1.7.2
    /tmp/halving/bin/python bench/search/halving.py
"""

import numpy
import sklearn
from sklearn.base import BaseEstimator
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV


class Estimator(BaseEstimator):
    """Counts resources by `pairs`, and scores by where it stands."""

    def __init__(self, place=0, pairs=1):
        self.place = place
        self.pairs = pairs

    def fit(self, x, y):
        return self

    def score(self, x, y):
        return -self.place


def stages(points, pairs):
    search = HalvingRandomSearchCV(
        Estimator(),
        {"place": list(range(points))},
        n_candidates=points,
        factor=2,
        resource="pairs",
        min_resources=1,
        max_resources=pairs,
        random_state=0,
        cv=2,
        refit=False,
    )
    search.fit(numpy.zeros((4, 1)), numpy.zeros(4))
    return list(zip(search.n_candidates_, search.n_resources_))


print("scikit-learn", sklearn.__version__)
for points, pairs in [(16, 8), (13, 4), (27, 16)]:
    print(points, "points,", pairs, "pairs:", stages(points, pairs))
