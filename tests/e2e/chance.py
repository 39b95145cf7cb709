"""Bounds for what is chance: exact binomial tails, at the level the tests state; and for what a busy machine adds."""

import math
import threading
import time

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


class Yardstick:
    """How late this machine wakes who sleeps, measured beside something else that sleeps and is woken: what a busy
    machine does to us it does to the daemon. Use as a context manager; `late` is then the third quartile, in
    seconds, or 0 on a machine that is not busy."""

    def __enter__(self):
        self._late, self._stop = [], threading.Event()
        self._thread = threading.Thread(target=self._measure, daemon=True)
        self._thread.start()
        return self

    def _measure(self):
        while not self._stop.is_set():
            began = time.monotonic()
            time.sleep(0.005)
            self._late.append(time.monotonic() - began - 0.005)

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        late = quantile(self._late, 0.75)
        self.late = late if late > 0.0003 else 0.0
