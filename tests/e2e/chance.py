"""Bounds for what is chance: exact binomial tails, at the level the tests state."""

import math

LEVEL = 1e-6  # a right daemon fails a two-sided bound once in a million runs


def _log_pmf(k, n, p):
    return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
            + k * math.log(p) + (n - k) * math.log1p(-p))


def binomial_bounds(n, p, level=LEVEL):
    """The smallest and greatest count k of n with P(X < low) <= level/2 and P(X > high) <= level/2."""
    if p <= 0:
        return 0, 0
    if p >= 1:
        return n, n
    tail, low = 0.0, 0
    while low < n:
        tail += math.exp(_log_pmf(low, n, p))
        if tail > level / 2:
            break
        low += 1
    tail, high = 0.0, n
    while high > 0:
        tail += math.exp(_log_pmf(high, n, p))
        if tail > level / 2:
            break
        high -= 1
    return low, high


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
