# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The other members, asked at their agents: both sides show the store's certificate."""

from __future__ import annotations

import http.client
import logging
import ssl
from concurrent.futures import ThreadPoolExecutor

from . import wire
from .decide import Seen
from .settings import Settings

LOG = logging.getLogger(__name__)


def ask_all(settings: Settings) -> dict[str, Seen]:
    """Every other member that answers, by name."""
    with ThreadPoolExecutor(len(settings.others)) as pool:
        answers = pool.map(lambda name: ask(settings, name), settings.others)
        return {one.name: one for one in answers if one is not None}


def ask(settings: Settings, member: str) -> Seen | None:
    """What a member says of itself now; None when it does not answer."""
    try:
        files = settings.certificates
        context = ssl.create_default_context(cafile=f"{files}/ca.crt")
        context.load_cert_chain(f"{files}/tls.crt", f"{files}/tls.key")
        connection = http.client.HTTPSConnection(
            settings.host(member), settings.agent_port, timeout=settings.patience, context=context
        )
        try:
            connection.request("GET", "/state")
            answer = connection.getresponse()
            text = answer.read(2**20).decode()
            if answer.status != 200:
                raise ValueError(f"{answer.status} {text.strip()}")
            seen = wire.read(text)
            if seen.name != member:
                raise ValueError(f"says that it is {seen.name}")
            return seen
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        LOG.debug("%s: %s", member, error)
        return None
