# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What lookups have in common that let a program of the bundle render objects."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ..module_utils.kubernetes import objects
from ..module_utils.kubernetes.errors import KubernetesError


def in_bundle(
    lookup: LookupBase, name: str, variables: Mapping[str, Any] | None, path: str, options: str
) -> str:
    """A path in the bundle.

    :param name: of the lookup, for the message.
    :param options: of the lookup, that could be given instead.
    :raises AnsibleError: the bundle's directory is not known.
    """
    if not variables or "bundle_directory" not in variables:
        raise AnsibleError(
            f"{name}: {path} is looked for in the bundle, but bundle_directory is not defined; "
            f"depend on role nilecare.platform.platform or give {options}"
        )
    return f"{lookup._templar.template(variables['bundle_directory'])}/{path}"


def rendered(
    what: str, command: Sequence[str], timeout: float, environment: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The objects that a program writes.

    :param what: begins every message.
    :param timeout: seconds.
    :raises AnsibleError: it could not be started, failed, or wrote no objects.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AnsibleError(f"{what}: {error}") from None
    if done.returncode:
        raise AnsibleError(f"{what}: {done.stderr.strip()}")
    try:
        return objects.parse(done.stdout, what)
    except KubernetesError as error:
        raise AnsibleError(f"{what}: {error}") from None
