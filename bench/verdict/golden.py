"""Golden vectors of the verdict: the tests below `protocol/src/stats` and `protocol/src/verdict/tests` hold ours against them.

    python3 bench/verdict/golden.py       # needs numpy, scipy and statsmodels

Implementations of their own. Of the exact test of paired shares the restricted likelihood is maximised by scipy.optimize
in place of Tango's formula, and the least favourable share of discordant pairs is searched by scipy as well.
"""

import numpy as np
import scipy.optimize as optimize
from scipy import stats
from scipy.special import beta, betainc
from scipy.stats import multinomial
from statsmodels.stats.multitest import multipletests

LEVEL = 0.05
A = np.array([82.1, 81.7, 82.6, 81.9, 82.3, 82.0, 81.5, 82.4])
B = np.array([80.9, 81.2, 81.4, 80.7, 81.8, 81.1, 80.6, 81.5])
C = np.array([81.9, 81.8, 82.3, 81.7, 82.4, 81.9, 81.4, 82.2])
D = np.array([81.6, 81.5, 82.2, 81.9, 82.0, 81.4, 81.3, 82.3])
NARROW = np.array([81.02, 81.34, 81.11, 80.93, 81.25, 81.41, 80.84, 81.17])
WIDE = np.array([80.1, 83.2, 81.0, 82.9, 79.5, 84.0, 81.7, 82.2])

TIE = 1e-5


def restricted(first, second, n, null):
    """Share of pairs that only the second solves, of the largest likelihood under a difference of `null`."""
    low, high = max(0, -null) + 1e-12, (1 - null) / 2 - 1e-12

    def loss(share):
        terms = ((first, share + null), (second, share), (n - first - second, 1 - 2 * share - null))
        return -sum(count * np.log(p) for count, p in terms if count)

    found = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-13})
    return min([(loss(low), low), (loss(high), high), (found.fun, found.x)])[1]


def score(first, second, n, null):
    """Tango's score."""
    distance = first - second - n * null
    if abs(distance) < 1e-12:
        return 0.0
    return distance / np.sqrt(n * (2 * restricted(first, second, n, null) + null * (1 - null)))


def p_value(first, second, n, null):
    """Exact one-sided p-value of "first − second is at least `null`"."""
    scores = {(i, j): score(i, j, n, null) for i in range(n + 1) for j in range(n + 1 - i)}
    tables = [[i, j, n - i - j] for (i, j), value in scores.items() if value <= scores[first, second] + TIE]

    def tail(discordant):
        shares = [max((discordant + null) / 2, 0), max((discordant - null) / 2, 0), 1 - discordant]
        return multinomial.pmf(np.array(tables), n, shares).sum()

    grid = np.linspace(max(abs(null), 1e-12), 1, 401)
    tails = [tail(place) for place in grid]
    best = int(np.argmax(tails))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, 400)])
    found = optimize.minimize_scalar(lambda q: -tail(q), bounds=bounds, method="bounded", options={"xatol": 1e-12})
    return max(max(tails), -found.fun)


def typical(delta, margin):
    """Typical seed of a difference: effect, bounds, p-values; beside them the mean and Student's bounds."""
    ordered, n = np.sort(delta), len(delta)
    # The largest k with P(fewer than k of n fair coins show heads) at most the level.
    k = int(stats.binom.ppf(LEVEL, n, 0.5))
    greater = lambda count: stats.binomtest(int(count), n, 0.5, alternative="greater").pvalue
    half = stats.t.ppf(1 - LEVEL, n - 1) * stats.sem(delta)
    return {
        "effect": np.median(delta),
        "bounds": (ordered[k - 1], ordered[n - k]),
        "p_support": greater((delta > 0).sum()),
        "p_falsify": greater((delta < margin).sum()),
        "mean": delta.mean(),
        "mean_bounds": (delta.mean() - half, delta.mean() + half),
    }


def spread(treatment, control, margin):
    """Brown and Forsythe's distances, paired: effect, Fieller's bounds, exact sign-flip p-values, distances, t."""
    far = [np.abs(x - np.median(x)) for x in (treatment, control)]

    def flips(delta):
        return stats.permutation_test(
            (delta,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="greater"
        ).pvalue

    def student(log_ratio, alternative):
        return stats.ttest_1samp(far[1] - np.exp(log_ratio) * far[0], 0, alternative=alternative).pvalue

    effect = np.log(far[1].mean() / far[0].mean())
    bound = lambda side, end: optimize.brentq(lambda r: student(r, side) - LEVEL, *sorted((effect, end)), xtol=1e-14)
    return {
        "effect": effect,
        "bounds": (bound("greater", effect - 3), bound("less", effect + 3)),
        "p_support": flips(far[1] - far[0]),
        "p_falsify": flips(np.exp(margin) * far[0] - far[1]),
        "spreads": [z.mean() for z in far],
        "t": stats.ttest_1samp(far[1] - far[0], 0).statistic,
    }


def cells(deltas, count, margin):
    """At least `count` of the conditions: partial conjunctions of sign tests by Bonferroni's correction of the larger ones."""
    sign = lambda k, n: stats.binomtest(int(k), n, 0.5, alternative="greater").pvalue

    def conjunction(p, u):
        return multipletests(np.sort(p)[u - 1:], method="bonferroni")[1].min()

    above = [sign((d > 0).sum(), len(d)) for d in deltas]
    below = [sign((d < margin).sum(), len(d)) for d in deltas]
    return {
        "effect": np.sort([np.median(d) for d in deltas])[-count],
        "p_support": conjunction(above, count),
        "p_falsify": conjunction(below, len(deltas) - count + 1),
    }


def bootstrap(name, values, statistic, paired=False):
    """Percentile bootstrap bounds, each at the level, and their distance in standard errors that another draw may have."""
    found = stats.bootstrap(
        values, statistic, paired=paired, confidence_level=1 - 2 * LEVEL, n_resamples=400_000, method="percentile",
        vectorized=True, batch=20_000, rng=np.random.default_rng(1),
    )
    shown(name, {"bounds": tuple(found.confidence_interval), "standard_error": found.standard_error})


def e_value(heads, throws):
    """Mean of the wager (2p)^k (2(1 - p))^(n - k) on heads, over all p between 1/2 and 1, as a truncated beta integral."""
    a, b = heads + 1, throws - heads + 1
    return 2.0 ** (throws + 1) * beta(a, b) * (1 - betainc(a, b, 0.5))


def process(delta, margin):
    """E-values for and against a difference after each pair."""
    after = range(1, len(delta) + 1)
    return {
        "support": [e_value((delta[:n] > 0).sum(), n) for n in after],
        "falsify": [e_value((delta[:n] < margin).sum(), n) for n in after],
    }


def shown(name, numbers):
    plain = {key: np.asarray(value).tolist() for key, value in numbers.items()}
    print(name, plain)


if __name__ == "__main__":
    shown("interaction", typical((A - B) - (C - D), 0.5))
    shown("dispersion", spread(NARROW, WIDE, 0.5))
    shown("cells", cells([A - B, C - D, C - B], 2, 0.3))
    lengths = np.array([60, 10, 30, 40])
    for name, x, margin in [("trend", lengths, 0.01), ("trend, per doubling", np.log2(lengths), 0.2)]:
        slopes = np.array([-stats.linregress(x, y).slope for y in zip(B, A, D, C)])
        shown(name, typical(slopes, margin))
    bootstrap("bootstrap, median of 8", (A - B,), np.median)
    bootstrap("bootstrap, median of 7", ((A - B)[:7],), np.median)
    bootstrap("bootstrap, mean", (A - B,), np.mean)
    far = [np.abs(x - np.median(x)) for x in (NARROW, WIDE)]
    ratio = lambda treatment, control, axis=-1: np.log(control.mean(axis) / treatment.mean(axis))
    bootstrap("bootstrap, ratio of spreads", far, ratio, paired=True)
    shown("misleading", {"share": (np.sign(C - D) == -np.sign(np.median(C - D))).mean()})
    for heads, throws in [(0, 0), (6, 6), (7, 7), (8, 8), (7, 8), (12, 14), (3, 9), (0, 12), (40, 40), (29, 40)]:
        print("e-value", (heads, throws), repr(float(e_value(heads, throws))))
    shown("e-process", process(A - B, 0.8))
    for case in [
        (0, 0, 29, 0.1), (0, 0, 28, 0.1), (0, 0, 16, 0.1), (0, 2, 6, 0.1), (0, 3, 6, 0.1), (1, 4, 20, 0.1),
        (3, 5, 16, 0.05), (0, 8, 8, 0.0), (0, 0, 40, 0.1),
    ]:
        print(case, repr(p_value(*case)))
