"""What all unit tests share."""

from __future__ import annotations

import hypothesis

# Machines that run the tests are shared and slow at times: how long an example takes says nothing.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")
