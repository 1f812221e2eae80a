"""HL7 v2 over TCP: messages framed by MLLP, each answered with an acknowledgement."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from .settings import Settings

START, END = b"\x0b", b"\x1c\r"
# Longest message that is read, in bytes.
LIMIT = 1 << 20


def acknowledgement(message: bytes, settings: Settings, moment: datetime) -> bytes:
    """The answer to a message: AA with its control id, AR when it does not begin with an HL7 header.

    The sender of the answer is the service, its facility the zone.
    """
    header = message.split(b"\r")[0].decode(errors="replace")
    fields = header.split(header[3:4] or "|")
    accepted = header.startswith("MSH") and len(fields) >= 12
    application, facility, control = (fields[2], fields[3], fields[9]) if accepted else ("", "", "")
    time = moment.strftime("%Y%m%d%H%M%S+0000")
    answer = (
        rf"MSH|^~\&|{settings.name}|{settings.zone}|{application}|{facility}|{time}||ACK|{control}|P|2.5"
        f"\rMSA|{'AA' if accepted else 'AR'}|{control}\r"
    )
    return answer.encode()


async def serve(settings: Settings) -> asyncio.Server:
    """Listen on the MLLP port; several messages may follow each other on a connection."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                framed = await reader.readuntil(END)
                message = framed.partition(START)[2].removesuffix(END)
                writer.write(START + acknowledgement(message, settings, datetime.now(UTC)) + END)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # The other side has hung up, or sends what is no message.
        finally:
            writer.close()

    return await asyncio.start_server(converse, "0.0.0.0", settings.mllp_port, limit=LIMIT)
