"""What Prometheus answers mean."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.numbers import Counts
from ansible_collections.nilecare.platform.plugins.module_utils.delivery.prometheus import (
    PrometheusError,
    answer,
    counts,
    filled,
    number,
    saturation_query,
)


def series(value: str, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [1.0, value]}


def test_counts_by_colour_and_pod() -> None:
    requests = [
        series("10", colour="green", pod="g1", status="200"),
        series("2", colour="green", pod="g1", status="503"),
        series("7", colour="blue", pod="b1", status="404"),
    ]
    buckets = [
        series("9", colour="green", pod="g1", le="0.1"),
        series("12", colour="green", pod="g1", le="+Inf"),
    ]
    assert counts(requests, buckets) == {
        "green": {"g1": Counts(12, 2, {0.1: 9, math.inf: 12})},
        "blue": {"b1": Counts(7, 0, {})},
    }


def test_one_number_or_none() -> None:
    assert number([series("1.5")]) == 1.5
    assert number([]) is None
    assert number([series("NaN")]) is None
    assert number([series("1"), series("2")]) is None


def test_answers() -> None:
    good = {"status": "success", "data": {"resultType": "vector", "result": [series("1")]}}
    assert answer(json.dumps(good).encode()) == [series("1")]
    scalar = {"status": "success", "data": {"resultType": "scalar", "result": [1, "3"]}}
    assert number(answer(json.dumps(scalar).encode())) == 3
    with pytest.raises(PrometheusError, match="parse error"):
        answer(b'{"status": "error", "error": "parse error"}')
    with pytest.raises(PrometheusError, match="no JSON"):
        answer(b"<html>")


def test_queries_are_filled_in() -> None:
    assert filled('a{s="$service"}[$window]', {"service": "ehr", "window": "60s"}) == 'a{s="ehr"}[60s]'
    query = saturation_query("clinical", "ehr-service", ["b", "a"], 0.5, 2**20)
    assert 'pod=~"a|b"' in query and "/ 0.5" in query
