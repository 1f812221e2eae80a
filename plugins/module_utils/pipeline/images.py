# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Images in registries: what a tag means, and copies of an image with all that is said of it."""

from __future__ import annotations

from .tools import PipelineError, Run

#: what registries answer for a tag or a repository that is not there
_ABSENT = ("MANIFEST_UNKNOWN", "NAME_UNKNOWN", "404 Not Found")


def digest_of(run: Run, image: str) -> str:
    """The digest that a tag means now; empty when there is no such tag.

    :raises PipelineError: the registry does not say.
    """
    try:
        return run("crane", "digest", image).strip()
    except PipelineError as error:
        if any(word in str(error) for word in _ABSENT):
            return ""
        raise


def evidence_tags(run: Run, repository: str, digest: str) -> list[str]:
    """Tags under which signatures and attestations of an image lie (the OCI referrers' and cosign's own)."""
    start = digest.replace(":", "-")
    return sorted(tag for tag in run("crane", "ls", repository).split() if tag.startswith(start))


def missing_copies(run: Run, source: str, digest: str, target: str, tag: str) -> list[tuple[str, str]]:
    """What must be copied, from and to, so that the target has the image under its tag with all evidence.

    :raises PipelineError: the target's tag means another image. A tag always means the same one.
    """
    there = digest_of(run, f"{target}:{tag}")
    if there and there != digest:
        raise PipelineError(
            f"{target}:{tag} is there already as {there}, expected {digest}: a tag always means the same"
            " image; give the new one a version of its own"
        )
    copies = []
    for evidence in evidence_tags(run, source, digest):
        wanted = digest_of(run, f"{source}:{evidence}")
        if digest_of(run, f"{target}:{evidence}") != wanted:
            copies.append((f"{source}:{evidence}", f"{target}:{evidence}"))
    # The tag comes last: whoever sees it finds the evidence as well.
    if not there:
        copies.append((f"{source}@{digest}", f"{target}:{tag}"))
    return copies


def copy(run: Run, copies: list[tuple[str, str]]) -> None:
    """Copy them, in order; what the target has is not sent again."""
    for source, target in copies:
        run("crane", "copy", source, target)
