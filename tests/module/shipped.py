"""The services that the collection ships, as the model has them, and a size for pretended machines."""

from __future__ import annotations

import functools

from ansible_collections.nilecare.platform.plugins.module_utils.services.inventory import read_platform
from ansible_collections.nilecare.platform.plugins.module_utils.services.model import Platform, Tier

from tests.unit.services.conftest import host, options, shipped

SMALL = Tier("small", 10, 100, 16 * 2**20, 64 * 2**20)


@functools.cache
def model() -> Platform:
    platform, findings = read_platform([host(*entry) for entry in shipped()], options())
    assert findings == []
    return platform
