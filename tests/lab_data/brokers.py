"""Brokers under a steady load of messages with known content, and who is let in.

The programs run as pods with the access that a service has, and say in their logs what was confirmed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import confirmed
from .clients import IMAGE, Client, pod_of
from .confirmed import Confirmed, steady
from .stores import Stores

NAMESPACE = "messaging"
KAFKA_IMAGE = "docker.io/apache/kafka:4.4.0"

# As much of AMQP 0-9-1 as it takes to publish with confirms and to read.
AMQP = """
import json, pathlib, socket, ssl, struct, sys, time
what, run, rate, extra = sys.argv[1], sys.argv[2], float(sys.argv[3]), json.loads(sys.argv[4])
access = {p.name: p.read_text() for p in pathlib.Path("/access").iterdir() if p.is_file()}
given = {"host": "rabbitmq.messaging.svc.cluster.local", "port": "5671", "username": "notification"}
access = given | access | extra
queue = access.get("queue", "notifications")
short = lambda text: bytes([len(text)]) + text.encode()
long = lambda data: struct.pack(">I", len(data)) + data

class Refused(Exception):
    pass

class Connection:
    def __init__(self):
        raw = socket.create_connection((access["host"], int(access["port"])), 5)
        if access.get("tls") == "no":
            self.socket = raw
        else:
            context = ssl.create_default_context(cafile="/access/ca.crt")
            self.socket = context.wrap_socket(raw, server_hostname=access["host"])
        self.socket.settimeout(10)
        self.stream = self.socket.makefile("rb")
        self.socket.sendall(b"AMQP\\0\\0\\x09\\x01")
        self.expect(10, 10)
        login = b"\\0%s\\0%s" % (access["username"].encode(), access.get("password", "").encode())
        self.method(0, 10, 11, struct.pack(">I", 0) + short("PLAIN") + long(login) + short("en_US"))
        self.expect(10, 30)
        self.method(0, 10, 31, struct.pack(">HIH", 1, 131072, 0))
        self.method(0, 10, 40, short("nilecare") + short("") + b"\\0")
        self.expect(10, 41)
        self.method(1, 20, 10, short(""))
        self.expect(20, 11)
    def frame(self, kind, channel, data):
        self.socket.sendall(struct.pack(">BHI", kind, channel, len(data)) + data + b"\\xce")
    def method(self, channel, group, number, data):
        self.frame(1, channel, struct.pack(">HH", group, number) + data)
    def read(self):
        head = self.stream.read(7)
        if len(head) < 7:
            raise Refused("the connection was closed")
        kind, _channel, size = struct.unpack(">BHI", head)
        return kind, self.stream.read(size + 1)[:-1]
    def expect(self, *wanted):
        while True:
            kind, data = self.read()
            if kind != 1:
                continue
            found = struct.unpack(">HH", data[:4])
            if found in ((10, 50), (20, 40)):
                raise Refused(data[6:].split(b"\\0", 1)[0][1:].decode(errors="replace"))
            if found == (60, 120):
                raise Refused("not taken")
            if found == wanted or not wanted:
                return found, data[4:]
    def publish(self, text):
        body = text.encode()
        self.method(1, 60, 40, b"\\0\\0" + short(queue) + short("") + b"\\0")
        self.frame(2, 1, struct.pack(">HHQHB", 60, 0, len(body), 0x1000, 2))
        self.frame(3, 1, body)
        self.expect(60, 80)
    def ask(self):
        self.method(1, 60, 70, b"\\0\\0" + short(queue) + b"\\1")
    def get(self):
        found, _data = self.expect()
        if found == (60, 72):
            return None
        kind, data = self.read()
        size = struct.unpack(">Q", data[4:12])[0]
        body = b""
        while len(body) < size:
            body += self.read()[1]
        return body.decode()

if what == "try":
    try:
        connection = Connection()
        connection.method(1, 85, 10, b"\\0")
        connection.expect(85, 11)
        connection.publish("a try")
        print("let in")
    except (OSError, Refused) as error:
        print("refused:", " ".join(str(error).split()))
elif what == "read":
    connection, found, texts = Connection(), [], [""]
    connection.socket.settimeout(60)
    while None not in texts:
        for _ in range(100):
            connection.ask()
        texts = [connection.get() for _ in range(100)]
        found += [int(text.partition("/")[2]) for text in texts if (text or "").startswith(run + "/")]
    print(json.dumps(sorted(found)))
else:
    connection, number, began = None, 0, time.monotonic()
    while True:
        number += 1
        time.sleep(max(0, began + number / rate - time.monotonic()))
        try:
            if connection is None:
                connection = Connection()
                connection.method(1, 85, 10, b"\\0")
                connection.expect(85, 11)
            connection.publish(f"{run}/{number}")
            print(json.dumps([time.time(), number, ""]), flush=True)
        except (OSError, Refused) as error:
            connection, began = None, time.monotonic() - number / rate
            print(json.dumps([time.time(), number, str(error)[:160]]), flush=True)
            time.sleep(0.1)
"""

ACCESS = """
umask 077
cat > /tmp/client.properties << END
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
username="$(cat /access/username)" password="${PASSWORD:-$(cat /access/password)}";
ssl.truststore.type=PEM
ssl.truststore.location=/access/ca.crt
END
printf 'rootLogger.level = OFF\\n' > /tmp/log4j2.properties
java="/opt/java/openjdk/bin/java -Xmx128m -XX:+UseSerialGC -Dlog4j2.configurationFile=/tmp/log4j2.properties"
run() { program=$1; shift; exec $java -cp '/opt/kafka/libs/*' "org.apache.kafka.tools.$program" "$@"; }
to="$(cat /access/host):$(cat /access/port)"
"""
KAFKA = {
    # Says of each message that it was confirmed, with its number as the value.
    "write": 'run VerifiableProducer --bootstrap-server "$to" --topic records --throughput "$2" --acks -1'
    ' --value-prefix "$1" --command-config /tmp/client.properties',
    "read": 'run consumer.ConsoleConsumer --bootstrap-server "$to" --topic records --group "ehr-$1"'
    " --from-beginning --timeout-ms 45000 --command-config /tmp/client.properties",
    "try": 'run consumer.ConsoleConsumer --bootstrap-server "$to" --topic "$1" --group "${2:-ehr-try}"'
    " --max-messages 1 --timeout-ms 45000 --from-beginning --command-config /tmp/client.properties 2>&1",
}


NOTIFICATION = Client("rabbitmq", "notification", "infrastructure")
EHR = Client("kafka", "ehr", "clinical")


def rabbitmq(what: str, run: str = "", rate: float = 20, **extra: str) -> list[str]:
    """Command of a client of RabbitMQ: ``write``, ``read`` or ``try``."""
    return ["python3", "-u", "-c", AMQP, what, run, str(rate), json.dumps(extra)]


def kafka(what: str, *arguments: str, password: str = "") -> list[str]:
    """Command of a client of Kafka: ``write``, ``read`` or ``try``."""
    given = f"PASSWORD={password}\n" if password else ""
    return ["/bin/sh", "-c", given + ACCESS + KAFKA[what], "client", *arguments]


def answer(stores: Stores, client: Client, name: str, command: list[str], seconds: float = 300) -> str:
    """What a pod's program wrote until it ended."""
    return confirmed.answer(stores, _pod(client, name, command), client, NAMESPACE, seconds)


def _pod(client: Client, name: str, command: list[str], machine: str = "") -> dict[str, Any]:
    image, uid = (KAFKA_IMAGE, 1000) if client.store == "kafka" else (IMAGE, 999)
    return pod_of(client, name, command, image=image, machine=machine, uid=uid, scratch=True)


class Messages(Confirmed):
    """Messages to a broker."""

    def entry(self, line: str) -> tuple[float, int, str] | None:
        """Kafka's own producer writes mappings."""
        if not line.startswith("{"):
            return super().entry(line)
        said = json.loads(line)
        if said.get("name") == "producer_send_success":
            return said["timestamp"] / 1000, int(str(said["value"]).partition(".")[2]), ""
        return (0.0, 0, "not sent") if said.get("name") == "producer_send_error" else None

    def lost(self) -> list[int]:
        """Confirmed messages that cannot be read."""
        name = f"read-{self.name}"
        if self.client.store == "kafka":
            text = answer(self.stores, self.client, name, kafka("read", str(self.run)))
            values = (line.strip().partition(".") for line in text.splitlines())
            return self.without({int(value) for prefix, _dot, value in values if prefix == str(self.run)})
        text = answer(self.stores, self.client, name, rabbitmq("read", str(self.run)))
        return self.without(set(json.loads(text.splitlines()[-1])))


@contextmanager
def steady_messages(stores: Stores, client: Client, machine: str, rate: float = 20.0) -> Iterator[Messages]:
    """Messages from a pod on a machine, until the block ends."""
    run = int(time.time())
    load = Messages(stores, client, run, f"messages-{client.store}-{run}")
    if client.store == "kafka":
        command = kafka("write", str(run), str(int(rate)))
    else:
        command = rabbitmq("write", str(run), rate)
    with steady(load, _pod(client, load.name, command, machine), NAMESPACE, 120):
        yield load
