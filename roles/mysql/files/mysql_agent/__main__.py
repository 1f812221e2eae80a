# Copyright (c) 2026 NileCare platform team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""``python3 -m mysql_agent``, with its settings in the environment."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

from .agent import Agent
from .kubernetes import Api, Cluster
from .server import Server
from .settings import Settings
from .web import Pulse, Watch, Web


def main() -> int:
    """Run until a signal comes."""
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    settings = Settings.read(os.environ)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    watch, pulse = Watch(Server(settings, read_timeout=settings.patience)), Pulse()
    web = Web(settings, watch, pulse)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    agent = Agent(settings, Server(settings), Cluster(settings, Api(settings)), pulse)
    agent.run(ended, web)
    web.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
