# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Arithmetic of counters and histograms. Nothing here knows where the numbers come from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

# The chance of taking a good version for a bad one that is accepted at one look.
DOUBT = 0.001


@dataclass(frozen=True)
class Counts:
    """What a pod, or all pods of a version, answered.

    :param requests: answers.
    :param errors: those among them with status 5xx.
    :param buckets: by upper bound in seconds, how many answers took at most so long (cumulative).
    """

    requests: float = 0.0
    errors: float = 0.0
    buckets: Mapping[float, float] = field(default_factory=dict)

    @property
    def error_rate(self) -> float:
        """Share of errors, 0 to 1; 0 without a request."""
        return self.errors / self.requests if self.requests else 0.0

    def quantile(self, share: float) -> float | None:
        """Seconds within which this share of the answers came; None without answers.

        Interpolated within a bucket as Prometheus does; what is beyond the last finite bound is that bound.
        """
        bounds = sorted(self.buckets)
        total = self.buckets[bounds[-1]] if bounds else 0
        if total <= 0:
            return None
        wanted = share * total
        lower = below = 0.0
        for bound in bounds:
            count = self.buckets[bound]
            if count >= wanted:
                if math.isinf(bound):
                    return lower
                inside = count - below
                return bound if inside <= 0 else lower + (bound - lower) * (wanted - below) / inside
            lower, below = bound, count
        return lower

    def slower_than(self, seconds: float) -> float:
        """How many answers took longer, interpolated within a bucket."""
        bounds = sorted(self.buckets)
        if not bounds:
            return 0.0
        total = self.buckets[bounds[-1]]
        lower = below = 0.0
        for bound in bounds:
            count = self.buckets[bound]
            if seconds <= bound:
                if math.isinf(bound):
                    return total - below
                part = (seconds - lower) / (bound - lower) if bound > lower else 1.0
                return total - (below + (count - below) * part)
            lower, below = bound, count
        return 0.0


def since(before: Mapping[str, Counts], now: Mapping[str, Counts]) -> Counts:
    """What was answered between two looks, all pods together.

    A pod that was not there before, or whose counters began anew, counts from nothing; one that is gone
    takes the answers of its last seconds with it.
    """
    requests = errors = 0.0
    buckets: dict[float, float] = {}
    for pod, counts in now.items():
        earlier = before.get(pod, Counts())
        if counts.requests < earlier.requests:
            earlier = Counts()
        requests += counts.requests - earlier.requests
        errors += max(0.0, counts.errors - earlier.errors)
        for bound, count in counts.buckets.items():
            buckets[bound] = buckets.get(bound, 0.0) + max(0.0, count - earlier.buckets.get(bound, 0.0))
    return Counts(requests, errors, buckets)


def at_least(successes: float, trials: float, chance: float) -> float:
    """The probability of so many successes or more, each trial having this chance (binomial tail)."""
    k, n = math.floor(successes), round(trials)
    if k <= 0:
        return 1.0
    if k > n or chance <= 0:
        return 0.0
    if chance >= 1:
        return 1.0
    log_p, log_q = math.log(chance), math.log1p(-chance)
    total = 0.0
    for i in range(k, n + 1):
        choose = math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
        term = math.exp(choose + i * log_p + (n - i) * log_q)
        total += term
        if i > n * chance and term < total * 1e-12:
            break
    return min(1.0, total)


def certainly_more(successes: float, trials: float, chance: float) -> bool:
    """Whether so many successes can hardly be luck if each trial had at most this chance."""
    return successes > trials * chance and at_least(successes, trials, chance) < DOUBT
