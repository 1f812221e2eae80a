# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action that reads a model: hosts whose variables, over the roles' defaults, say what is wished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.nilecare.platform.plugins.module_utils.services.inventory import Host

ROLES = Path(__file__).resolve().parents[2] / "roles"


class ModelAction(ActionBase):  # type: ignore[misc]
    """Reads hosts of a group for their model.

    :cvar defaults_of: roles whose defaults a host's variables fall back to.
    :cvar model_of: roles whose variables, by their prefix, make the model.
    :cvar not_ours: names with such a prefix that are results of the roles' own tasks.
    """

    _supports_check_mode = True
    defaults_of: ClassVar[tuple[str, ...]]
    model_of: ClassVar[tuple[str, ...]]
    not_ours: ClassVar[frozenset[str]]

    def names(self, group: str, task_vars: Mapping[str, Any]) -> list[str]:
        """Names of the group's hosts; none is an error."""
        found = list(task_vars["groups"].get(group, []))
        if not found:
            raise AnsibleActionFail(f"the inventory has no group {group!r}, or no host is in it")
        return found

    def host(self, name: str, task_vars: Mapping[str, Any], given: Mapping[str, Any]) -> Host:
        """Template a host's variables, with ``given`` over them; what cannot be is told with the rest."""
        own = {**self.defaults(), **task_vars["hostvars"].raw_get(name), **given}
        own["hostvars"], own["groups"] = task_vars["hostvars"], task_vars["groups"]
        templar = self._templar.copy_with_new_env(available_variables=own)
        prefixes = tuple(f"{role}_" for role in self.model_of)
        values: dict[str, Any] = {}
        failures: dict[str, str] = {}
        for key in own:
            if not key.startswith(prefixes) or key in self.not_ours:
                continue
            try:
                values[key] = templar.template(own[key])
            except AnsibleError as error:
                failures[key] = f"cannot be read: {error.message}"
        return Host(name, values, tuple(own.get("group_names", ())), failures)

    def defaults(self) -> dict[str, Any]:
        """The defaults of all roles, read once."""
        cached: dict[str, Any] | None = getattr(self, "_role_defaults", None)
        if cached is None:
            cached = {}
            for role in self.defaults_of:
                cached.update(self.defaults_file(role))
            self._role_defaults = cached
        return dict(cached)

    def defaults_file(self, role: str) -> dict[str, Any]:
        """The defaults of one role."""
        path = ROLES / role / "defaults" / "main.yml"
        loaded: dict[str, Any] = self._loader.load_from_file(str(path), trusted_as_template=True) or {}
        return loaded

    def options(self) -> dict[str, Any]:
        """The options of the model's roles, from their argument specifications."""
        options: dict[str, Any] = {}
        for role in self.model_of:
            text = self._loader.load_from_file(str(ROLES / role / "meta" / "argument_specs.yml"))
            options.update(text["argument_specs"]["main"]["options"])
        return options


def refusal(findings: Iterable[object], whose: str) -> dict[str, Any]:
    """The result of a model with errors, all of them."""
    texts = sorted({str(finding) for finding in findings})
    count = f"{len(texts)} errors" if len(texts) > 1 else "1 error"
    listed = "\n".join(f"- {text}" for text in texts)
    message = f"{count} in the {whose} variables, nothing was changed:\n{listed}"
    return {"failed": True, "errors": texts, "msg": message}
