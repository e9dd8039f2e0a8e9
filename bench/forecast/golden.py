"""Golden vectors of the score of forecasts: the tests of `src/forecast/score.rs` hold ours against them.

    python3 bench/forecast/golden.py       # needs numpy and scikit-learn
"""

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

# Every edge of a tenth, both ends, and the same probability with both outcomes.
EDGES = [(percent, index % 3 != 0) for index, percent in enumerate([0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 60, 61, 70, 71, 80, 81, 90, 91, 99, 100])]
PERSON = [(85, True), (85, False), (90, True), (65, True), (35, False), (20, True), (55, False), (70, True), (15, False), (95, True), (60, False), (5, False)]
WRONG = [(100, False), (0, True)]

for name, forecasts in [("edges", EDGES), ("person", PERSON), ("wrong", WRONG)]:
    share = np.array([percent for percent, _ in forecasts]) / 100
    survived = np.array([int(outcome) for _, outcome in forecasts])
    observed, mean = calibration_curve(survived, share, n_bins=10, strategy="uniform")
    print(name, forecasts)
    print("  brier", repr(float(brier_score_loss(survived, share))))
    print("  mean, survived", [(round(float(m), 12), round(float(o), 12)) for m, o in zip(mean, observed)])
