#!/usr/bin/python
# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Make the disk image that a lab's machines start from."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_image
short_description: Make the disk image of a lab's machines
version_added: 0.1.0
author: NileCare platform team (@nilecare)
description:
  - Makes a bare Debian with systemd, sshd, Python and an unprivileged user C(operator) who may use sudo,
    and puts it into the storage of the labs.
  - The Debian mirror is the one that this host uses itself. The image has no apt source.
  - The result is kept below O(cache_directory) under a key of its recipe, so it is made once.
attributes:
  check_mode:
    description: Says what would change and changes nothing.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
  platform:
    description: Runs on the host that carries the lab.
    support: full
    platforms: Debian
options:
  cache_directory:
    description: Where made images are kept; it gets a directory for each recipe.
    type: path
    required: true
  suite:
    description: Debian suite.
    type: str
    default: bookworm
"""

EXAMPLES = r"""
- name: Make the machines' image
  nilecare.platform.lab_image:
    cache_directory: ~/.cache/nilecare/images
  become: true
"""

RETURN = r"""
image:
  description: Name of the image in the storage of the labs.
  type: str
  returned: success
  sample: localhost/nilecare/lab-machine:0123456789abcdef
packages_file:
  description: A file with a line C(name=version) for each package in the image.
  type: str
  returned: success
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nilecare.platform.plugins.module_utils.lab import image, podman


def main() -> None:
    """Make the image and bring it into the storage, where it is missing."""
    module = AnsibleModule(
        argument_spec={
            "cache_directory": {"type": "path", "required": True},
            "suite": {"type": "str", "default": image.SUITE},
        },
        supports_check_mode=True,
    )
    directory = Path(module.params["cache_directory"])
    recipe = image.Recipe(suite=module.params["suite"], architecture=image.host_architecture())
    storage = podman.Podman(podman.Paths())
    changed = not storage.has_image(recipe.tag)
    if changed and not module.check_mode:
        try:
            archive = image.build(recipe, directory)
            storage.run("import", "--quiet", str(archive), recipe.tag)
        except (image.ImageError, podman.PodmanError, OSError) as error:
            module.fail_json(msg=f"The image {recipe.tag} could not be made: {error}")
    module.exit_json(
        changed=changed, image=recipe.tag, packages_file=str(image.packages_path(recipe, directory))
    )


if __name__ == "__main__":
    main()
