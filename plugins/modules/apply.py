#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: apply
short_description: Make a named set of Kubernetes objects true
description:
  - Brings a whole set of objects into a cluster in one call. Objects that are as wanted cost nothing,
    those that are not are applied by server-side apply over a few kept-alive connections, in the order in
    which they need each other, and objects that left the set are pruned.
  - A set is an ApplySet (KEP-3659). Its parent is a Secret of the set's name; members bear the label
    C(applyset.kubernetes.io/part-of).
  - No change is found from one list a kind. A field that somebody else changed is reported as a
    conflict with the manager and the field, and is mended with O(force=true).
  - Passing failures (an API server that restarts, an etcd election, a webhook that is not up, too many
    requests) are tried again for O(api_patience) seconds.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
options:
  kubeconfig:
    description:
      - Path of the kubeconfig file, with a client certificate or a token.
    type: path
    required: true
  context:
    description: Context of the kubeconfig. Its current context when not given.
    type: str
  name:
    description: Name of the set, and of the Secret that records it.
    type: str
    required: true
  namespace:
    description: Namespace of the set's Secret, and of objects that name none.
    type: str
    default: default
  objects:
    description: Objects of the set, as mappings. Lists of lists are taken apart one level.
    type: list
    elements: raw
    default: []
  files:
    description: YAML or JSON files on the controller with more objects of the set.
    type: list
    elements: path
    default: []
  state:
    description: With V(absent) all members are pruned, and then the set itself; no objects are given.
    type: str
    choices: [present, absent]
    default: present
  prune:
    description: Delete members of the set that are no longer among its objects.
    type: bool
    default: true
  prune_protected:
    description: Kinds that are never pruned. They stay members, so that a later run can prune them when told.
    type: list
    elements: str
    default: [Namespace, CustomResourceDefinition, PersistentVolume, PersistentVolumeClaim]
  force:
    description: Take over fields that other managers own, and objects that are members of other sets.
    type: bool
    default: false
  field_manager:
    description: Name under which fields are owned.
    type: str
    default: nilecare
  wait:
    description:
      - Wait until all objects of the set are ready. The error says why they are not.
      - With O(state=absent), wait until the objects are gone, and what they own, such as pods.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for the whole set.
    type: int
    default: 300
  api_patience:
    description: Seconds for which passing failures of a request are tried again.
    type: int
    default: 60
  connections:
    description: Connections to the API server that are used in parallel.
    type: int
    default: 8
requirements:
  - PyYAML
attributes:
  check_mode:
    description: Asks the API server by dry run. Objects whose cluster, namespace or definition is not there
      yet
      would be created.
    support: full
  diff_mode:
    description: Shows each changed object before and after, without the server's bookkeeping. Values of
      Secrets
      are masked.
    support: full
"""

EXAMPLES = r"""
- name: Apply the storage classes and everything else of the data layer
  nilecare.platform.apply:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    name: data
    namespace: data
    objects: "{{ lookup('nilecare.platform.kustomize', role_path ~ '/files/data') }}"
    wait: true
    wait_timeout: 600
  delegate_to: localhost
  run_once: true

- name: Remove a set with all its members but the claims
  nilecare.platform.apply:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    name: data
    namespace: data
    state: absent
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
created:
  description: Objects that were created.
  type: list
  elements: str
  returned: always
  sample: [Deployment clinical/ehr-service]
updated:
  description: Objects that were changed.
  type: list
  elements: str
  returned: always
pruned:
  description: Objects that left the set and were deleted.
  type: list
  elements: str
  returned: always
kept:
  description: Objects that left the set but are of a protected kind.
  type: list
  elements: str
  returned: always
unchanged:
  description: Number of objects that were as wanted.
  type: int
  returned: always
seconds:
  description: Seconds that the set took, without Ansible's own start.
  type: float
  returned: always
"""

import time
import traceback
from typing import Any

from ansible.module_utils.basic import missing_required_lib

YAML_ERROR = None
try:
    import yaml  # noqa: F401  # pylint: disable=unused-import
except ImportError:
    YAML_ERROR = traceback.format_exc()

from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes import (
    objects as kubernetes_objects,
)
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.apply import (
    ApplyFailed,
    Options,
    Result,
    apply_set,
    plan_without_cluster,
)
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import (
    ClusterUnreachable,
    KubeconfigError,
    KubernetesError,
)
from ansible_collections.nilecare.platform.plugins.module_utils.quiet import QuietModule

CHECK_PATIENCE = 3.0
"""Seconds after which check mode believes that there is no cluster yet."""


def main() -> None:
    module = QuietModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "context": {"type": "str"},
            "name": {"type": "str", "required": True},
            "namespace": {"type": "str", "default": "default"},
            "objects": {"type": "list", "elements": "raw", "default": []},
            "files": {"type": "list", "elements": "path", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "prune": {"type": "bool", "default": True},
            "prune_protected": {
                "type": "list",
                "elements": "str",
                "default": [
                    "Namespace",
                    "CustomResourceDefinition",
                    "PersistentVolume",
                    "PersistentVolumeClaim",
                ],
            },
            "force": {"type": "bool", "default": False},
            "field_manager": {"type": "str", "default": "nilecare"},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 300},
            "api_patience": {"type": "int", "default": 60},
            "connections": {"type": "int", "default": 8},
        },
        supports_check_mode=True,
    )
    if YAML_ERROR:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=YAML_ERROR)
    began = time.monotonic()
    try:
        result = run(module)
    except ApplyFailed as error:
        module.fail_json(msg=str(error), **answer(module, error.result, began))
    except KubernetesError as error:
        module.fail_json(msg=str(error), **answer(module, Result(), began))
    for warning in result.warnings:
        module.warn(warning)
    module.exit_json(**answer(module, result, began))


def run(module: QuietModule) -> Result:
    params = module.params
    absent = params["state"] == "absent"
    wanted = gather(params["objects"], params["files"])
    if absent and wanted:
        module.fail_json(msg="state: absent takes neither objects nor files. Nothing was changed.")
    if not absent and not wanted:
        module.fail_json(
            msg="no objects were given in objects or files; state: absent removes a set. Nothing was changed."
        )
    options = Options(
        name=params["name"],
        namespace=params["namespace"],
        manager=params["field_manager"],
        force=params["force"],
        prune=params["prune"] or absent,
        protected=tuple(params["prune_protected"]),
        check=module.check_mode,
        diff=module._diff,
        wait=params["wait"],
        wait_timeout=params["wait_timeout"],
    )
    patience = CHECK_PATIENCE if module.check_mode else float(params["api_patience"])
    try:
        with Client.from_kubeconfig(
            params["kubeconfig"], params["context"], patience, params["connections"]
        ) as client:
            return apply_set(client, wanted, options)
    except (KubeconfigError, ClusterUnreachable) as error:
        if not module.check_mode or not nothing_there(error):
            raise
        result = plan_without_cluster(wanted, options)
        result.warnings.append(f"there is no cluster yet, all objects would be created: {error}")
        return result


def nothing_there(error: KubernetesError) -> bool:
    """Whether an error means that the cluster does not exist yet, rather than that it is misconfigured."""
    if isinstance(error, ClusterUnreachable):
        return "certificate was refused" not in str(error)
    return "does not exist" in str(error)


def gather(objects: list[Any], files: list[str]) -> list[Any]:
    """Objects of both options; a list among ``objects`` (the answer of a lookup) is taken apart."""
    found = []
    for item in objects:
        found.extend(item if isinstance(item, list) else [item])
    for path in files:
        found.extend(kubernetes_objects.read(path))
    return found


def answer(module: QuietModule, result: Result, began: float) -> dict[str, Any]:
    """Return values. The invocation names how many objects were given, not what is in them."""
    arguments = {key: value for key, value in module.params.items() if key != "objects"}
    arguments["objects"] = f"{len(module.params['objects'])} objects"
    values = {
        "changed": result.changed,
        "created": result.created,
        "updated": result.updated,
        "pruned": result.pruned,
        "kept": result.kept,
        "unchanged": result.unchanged,
        "seconds": round(time.monotonic() - began, 3),
        "invocation": {"module_args": arguments},
    }
    if module._diff:
        values["diff"] = result.differences
    return values


if __name__ == "__main__":
    main()
