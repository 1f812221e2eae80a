# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is signed about an image: that it comes from us, what is in it, which stages it passed.

Signatures are by key (ECDSA P-256), without a public transparency log: no site talks to the internet.
"""

from __future__ import annotations

import base64
import json
import typing as t
from collections.abc import Mapping

from .tools import PipelineError, Run

#: kinds of signed claims: a signature of the image itself, in cosign's new form and in the old one
SIGNATURE_TYPES = ("https://sigstore.dev/cosign/sign/v1", "cosign container image signature")
#: cosign's names of bills of materials -> where their components stand
BILLS: Mapping[str, str] = {"cyclonedx": "components", "spdxjson": "packages"}
_OFFLINE = ("--insecure-ignore-tlog=true",)
_UNLOGGED = ("--yes", "--use-signing-config=false", "--tlog-upload=false")


def stage_type(stage: str) -> str:
    """The kind of the claim that an image passed a stage."""
    return f"https://nilecare.sd/passed/{stage}"


def verify_signature(run: Run, image: str, key: str) -> None:
    """Prove that the image (by digest) was signed with the key.

    :raises PipelineError: it was not.
    """
    secrets = {"NILECARE_KEY": key}
    said = run(
        "cosign", "verify", "--key=env://NILECARE_KEY", *_OFFLINE, "--output=json", image, secrets=secrets
    )
    # Any claim signed by the key is listed, a bill of materials too; one kind only says that it is ours.
    kinds = {entry.get("critical", {}).get("type", "") for entry in json.loads(said or "[]")}
    if not kinds & set(SIGNATURE_TYPES):
        raise PipelineError(f"no signature of the image itself, only {', '.join(sorted(kinds)) or 'nothing'}")


def claims(run: Run, image: str, kind: str, key: str) -> list[dict[str, t.Any]]:
    """What was claimed of the image in this kind, signed with the key.

    :raises PipelineError: nothing was.
    """
    arguments = ("verify-attestation", "--key=env://NILECARE_KEY", *_OFFLINE, f"--type={kind}", image)
    return read_claims(run("cosign", *arguments, secrets={"NILECARE_KEY": key}))


def read_claims(lines: str) -> list[dict[str, t.Any]]:
    """The claims in cosign's answer: a line each, the claim within in base64."""
    found = []
    for line in lines.splitlines():
        if line.strip():
            statement = json.loads(base64.b64decode(json.loads(line)["payload"]))
            found.append(statement["predicate"])
    return found


def bill(run: Run, image: str, key: str) -> tuple[str, dict[str, t.Any]]:
    """The bill of materials and its kind.

    :raises PipelineError: there is none, or nothing is on it.
    """
    reasons = []
    for kind, parts in BILLS.items():
        try:
            for found in claims(run, image, kind, key):
                if found.get(parts):
                    return kind, found
                reasons.append(f"{kind}: it lists nothing")
        except PipelineError as error:
            reasons.append(f"{kind}: {error}")
    raise PipelineError("; ".join(reasons))


def components(kind: str, found: Mapping[str, t.Any]) -> int:
    """How many parts are on a bill of materials."""
    return len(found.get(BILLS[kind], ()))


def claim(run: Run, image: str, kind: str, content: Mapping[str, t.Any], key: str, password: str) -> None:
    """Sign a claim about the image and put it beside it."""
    path = "/dev/stdin"
    arguments = (
        "attest",
        "--key=env://NILECARE_KEY",
        *_UNLOGGED,
        f"--type={kind}",
        f"--predicate={path}",
        image,
    )
    secrets = {"NILECARE_KEY": key, "COSIGN_PASSWORD": password}
    run("cosign", *arguments, secrets=secrets, given=json.dumps(content, sort_keys=True))
