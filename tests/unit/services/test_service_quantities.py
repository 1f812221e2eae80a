"""CPU and memory, read and written."""

from __future__ import annotations

import pytest
from ansible_collections.nilecare.platform.plugins.module_utils.services.quantities import (
    byte_count,
    cpu_text,
    memory_text,
    millicores,
)
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(min_value=0, max_value=10**9))
def test_cpu_survives_writing_and_reading(amount: int) -> None:
    assert millicores(cpu_text(amount)) == amount


@given(st.integers(min_value=0, max_value=2**60))
def test_memory_survives_writing_and_reading(amount: int) -> None:
    assert byte_count(memory_text(amount)) == amount


@pytest.mark.parametrize(("text", "expected"), [("250m", 250), (2, 2000), (0.5, 500), ("1.5", 1500)])
def test_cpu(text: str | float, expected: int) -> None:
    assert millicores(text) == expected


@pytest.mark.parametrize(("amount", "text"), [(1000, "1"), (250, "250m"), (1500, "1500m"), (20000, "20")])
def test_cpu_is_written_as_the_api_server_writes_it(amount: int, text: str) -> None:
    assert cpu_text(amount) == text


@pytest.mark.parametrize(("amount", "text"), [(2**30, "1Gi"), (1536 * 2**20, "1536Mi"), (0, "0")])
def test_memory_is_written_as_the_api_server_writes_it(amount: int, text: str) -> None:
    assert memory_text(amount) == text


@pytest.mark.parametrize("text", ["", "two", "1Gi", "-1", "0.0001"])
def test_no_cpu(text: str) -> None:
    with pytest.raises(ValueError, match=r"CPU|core"):
        millicores(text)


@pytest.mark.parametrize("text", ["", "1m", "Gi", "-1Gi", "1 Gi"])
def test_no_memory(text: str) -> None:
    with pytest.raises(ValueError, match="memory"):
        byte_count(text)
