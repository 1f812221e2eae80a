# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What can go wrong when talking to a Kubernetes API server. ``str(error)`` is fit for ``fail_json``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any


class KubernetesError(Exception):
    """Base of all errors of this package."""


class KubeconfigError(KubernetesError):
    """The kubeconfig file is absent, unreadable or asks for what we do not support."""


class ClusterUnreachable(KubernetesError):  # noqa: N818
    """No API server answered within the patience given."""


class UnknownKind(KubernetesError):  # noqa: N818
    """The cluster serves no such kind (its CustomResourceDefinition is not installed)."""


@dataclass(frozen=True)
class Cause:
    """One entry of ``status.details.causes``: a field (path) and what is wrong with it."""

    field: str
    reason: str
    message: str


@dataclass(eq=False)
class ApiError(KubernetesError):
    """The API server answered with a ``Status`` object that reports a failure.

    ``status`` is the HTTP status, ``reason`` the machine-readable word (``NotFound``, ``Conflict`` …).
    """

    status: int
    reason: str
    message: str
    causes: list[Cause] = field(default_factory=list)
    retry_after: float | None = None

    def __str__(self) -> str:
        return readable(self.message) or f"HTTP {self.status} {self.reason}"

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def field_conflicts(self) -> list[Cause]:
        """Fields that another manager owns (server-side apply without force)."""
        return [cause for cause in self.causes if cause.reason == "FieldManagerConflict"]

    @property
    def immutable(self) -> bool:
        """Whether the change was refused because a field cannot be changed after creation."""
        return self.status == 422 and bool(
            re.search(
                r"field is immutable|may not be changed|updates to .* are forbidden|immutable", self.message
            )
        )

    @classmethod
    def from_status(cls, http_status: int, body: Any, retry_after: float | None = None) -> ApiError:
        """Read a ``Status`` object; any other body (a proxy's page, say) is quoted in short."""
        if not isinstance(body, dict):
            text = str(body).strip()
            return cls(http_status, "", f"HTTP {http_status}: {text[:300]}", [], retry_after)
        details = body.get("details") or {}
        causes = [
            Cause(c.get("field", ""), c.get("reason", ""), c.get("message", ""))
            for c in details.get("causes") or []
        ]
        if retry_after is None and details.get("retryAfterSeconds"):
            retry_after = float(details["retryAfterSeconds"])
        return cls(http_status, body.get("reason", ""), body.get("message", ""), causes, retry_after)


def readable(message: str) -> str:
    """Cut the dump of Go or JSON values that the API server quotes in a validation message."""
    return re.sub(
        r"Invalid value: (?:[\w.*&\[\]]*\{.*?\}|\"[^\"]{120,}\")(?=: )",
        "invalid value",
        message,
        flags=re.DOTALL,
    )
