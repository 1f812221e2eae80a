#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: store_credentials
short_description: Passwords of a store and of the services that use it
description:
  - Keeps the passwords of a store's own accounts and of every service that declared it, in Secrets of the
    cluster. One that O(given) does not name is made once, 32 random bytes, and kept.
  - A service finds its access in the Secret C(<store>-<service>) of its own namespace, with the keys C(host),
    C(port), C(username), C(password), C(ca.crt) and where it declared one C(database).
  - No password is returned or logged.
version_added: 0.1.0
author: NileCare platform team (@nilecare)
options:
  kubeconfig:
    description: Path of the kubeconfig file.
    type: path
    required: true
  store:
    description: The store, as M(nilecare.platform.store_model) returns it.
    type: dict
    required: true
  given:
    description: Passwords by account or service that are used instead; encrypt them with ansible-vault.
    type: dict
    default: {}
  authority:
    description: Path of the certificate of the platform's authority.
    type: path
    required: true
attributes:
  check_mode:
    description: Says which Secrets would change, also where there is no cluster yet.
    support: full
  diff_mode:
    description: Names what changes, without values.
    support: full
  platform:
    description: The platforms it runs on.
    support: full
    platforms: posix
requirements:
  - PyYAML
"""

EXAMPLES = r"""
- name: Keep the passwords
  nilecare.platform.store_credentials:
    kubeconfig: "{{ cluster_state_directory }}/kubeconfig"
    store: "{{ store_model.stores.postgresql }}"
    given: "{{ vaulted_passwords }}"
    authority: "{{ cluster_state_directory }}/ca/ca.crt"
  no_log: true
"""

RETURN = r"""
changes:
  description: Secrets that were changed, with the names of their keys.
  type: list
  elements: str
  returned: success
  sample: ["Secret data/postgresql-users: billing"]
"""

from pathlib import Path

from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.client import Client
from ansible_collections.nilecare.platform.plugins.module_utils.kubernetes.errors import (
    ClusterUnreachable,
    KubeconfigError,
    KubernetesError,
)
from ansible_collections.nilecare.platform.plugins.module_utils.quiet import QuietModule
from ansible_collections.nilecare.platform.plugins.module_utils.stores.credentials import keep
from ansible_collections.nilecare.platform.plugins.module_utils.stores.model import Store

PATIENCE = 60.0  # seconds for an API server that does not answer
CHECK_PATIENCE = 3.0  # the same in check mode, where it may not be there yet


def main() -> None:
    module = QuietModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "store": {"type": "dict", "required": True},
            # Its values are secret, not its names: the task has no_log.
            "given": {"type": "dict", "default": {}, "no_log": False},
            "authority": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    module.no_log_values.update(str(value) for value in params["given"].values())
    patience = CHECK_PATIENCE if module.check_mode else PATIENCE
    try:
        store = Store.from_dict(params["store"])
        with Client.from_kubeconfig(params["kubeconfig"], patience=patience) as client:
            authority = Path(params["authority"]).read_text(encoding="utf-8")
            changes = keep(client, store, params["given"], authority, module.check_mode)
    except (ClusterUnreachable, KubeconfigError) as error:
        if not module.check_mode:
            module.fail_json(msg=f"The passwords cannot be kept: {error}")
        changes = ["all Secrets of the store: there is no cluster yet"]
    except (KubernetesError, ValueError, OSError) as error:
        module.fail_json(msg=f"The passwords cannot be kept: {error}")
    text = "".join(f"{line}\n" for line in changes)
    module.exit_json(changed=bool(changes), changes=changes, diff={"before": "", "after": text})


if __name__ == "__main__":
    main()
