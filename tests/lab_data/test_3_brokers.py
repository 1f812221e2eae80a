"""RabbitMQ and Kafka: who gets in, and what happens to confirmed messages when members and power go away."""

from __future__ import annotations

import pytest

from tests.lab.harness import Lab, until

from .brokers import EHR, NAMESPACE, NOTIFICATION, answer, kafka, rabbitmq, steady_messages
from .clients import Client
from .stores import Stores

BROKERS = pytest.mark.parametrize("client", [NOTIFICATION, EHR], ids=["rabbitmq", "kafka"])


def await_all(stores: Stores, store: str, seconds: float = 300) -> None:
    until(lambda: len(stores.ready(store, NAMESPACE)) == 3, seconds, f"three members of {store} are ready")


def leader(lab: Lab, store: str) -> str:
    """The member that leads the load's queue, or the first part of its topic."""
    where = ("exec", "--namespace", NAMESPACE)
    if store == "rabbitmq":
        command = "/opt/rabbitmq/sbin/rabbitmqctl -q list_queues -p nilecare name leader"
        text = lab.kubectl(*where, "rabbitmq-1", "--", "/bin/sh", "-c", command, timeout=60)
        line = next(line for line in text.splitlines() if line.startswith("notifications"))
        return line.split("rabbit@")[1].split(".")[0]
    tool = (
        "set -f; $TOOL org.apache.kafka.tools.TopicCommand --bootstrap-server $OWN"
        " --command-config $HOME/member.properties --describe --topic records"
    )
    text = lab.kubectl(*where, "kafka-1", "--", "/bin/sh", "-c", tool, timeout=60)
    line = next(line for line in text.splitlines() if "Partition: 0" in line)
    return f"kafka-{line.split('Leader: ')[1].split()[0]}"


def other_machine(stores: Stores, store: str, member: str) -> str:
    mine = stores.machine_of(member, NAMESPACE)
    pods = [pod["metadata"]["name"] for pod in stores.members(store, NAMESPACE)]
    return next(machine for machine in (stores.machine_of(pod, NAMESPACE) for pod in pods) if machine != mine)


def test_a_service_publishes_to_its_queue_and_to_no_other(stores: Stores) -> None:
    await_all(stores, "rabbitmq")
    assert answer(stores, NOTIFICATION, "rmq-declared", rabbitmq("try")) == "let in"
    wrong = answer(stores, NOTIFICATION, "rmq-password", rabbitmq("try", password="guess"))
    assert wrong == "refused: the connection was closed"
    # RabbitMQ's exchange that reaches every queue has no name.
    others = answer(stores, NOTIFICATION, "rmq-others", rabbitmq("try", queue=""))
    assert others.startswith("refused: ACCESS_REFUSED")
    assert answer(stores, NOTIFICATION, "rmq-no-tls", rabbitmq("try", tls="no")).startswith("refused")
    undeclared = answer(stores, Client("rabbitmq", "billing", "business"), "rmq-undeclared", rabbitmq("try"))
    assert undeclared == "refused: timed out"


def test_a_service_reads_its_topic_and_no_other(stores: Stores) -> None:
    await_all(stores, "kafka")
    declared = answer(stores, EHR, "kafka-declared", kafka("try", "records"))
    assert "not authorized" not in declared.lower() and "authentication" not in declared.lower()
    others = answer(stores, EHR, "kafka-others", kafka("try", "results"))
    assert "TopicAuthorizationException" in others
    group = answer(stores, EHR, "kafka-group", kafka("try", "records", "hl7-mine"))
    assert "GroupAuthorizationException" in group
    wrong = answer(stores, EHR, "kafka-password", kafka("try", "records", password="guess"))
    assert "SaslAuthenticationException" in wrong or "Authentication failed" in wrong


@BROKERS
def test_the_leader_is_killed(lab: Lab, stores: Stores, client: Client) -> None:
    await_all(stores, client.store)
    gone = leader(lab, client.store)
    with steady_messages(stores, client, other_machine(stores, client.store, gone)) as load:
        lab.kubectl("delete", "pod", "--namespace", NAMESPACE, gone, "--grace-period=0", "--force")
        load.more(200, 120)
        await_all(stores, client.store)
        load.read()
    lost = load.lost()
    load.report("leader's pod killed", lost)
    assert lost == []
    assert load.pause() < 60


@BROKERS
def test_a_site_loses_its_power(lab: Lab, stores: Stores, client: Client) -> None:
    await_all(stores, client.store)
    gone = leader(lab, client.store)
    machine = stores.machine_of(gone, NAMESPACE)
    with steady_messages(stores, client, other_machine(stores, client.store, gone)) as load:
        with lab.powered_off(machine):
            load.more(200, 180)
        await_all(stores, client.store)
        load.read()
    lost = load.lost()
    load.report("leader's site without power", lost)
    assert lost == []
    assert load.pause() < 90


@BROKERS
def test_all_power_is_cut(lab: Lab, stores: Stores, client: Client) -> None:
    await_all(stores, client.store)
    with steady_messages(stores, client, stores.machine_of(f"{client.store}-0", NAMESPACE)) as load:
        load.more(100, 60)
        load.read()
        lab.power("off")
        lab.power("on")
    until(lambda: len(lab.ready_nodes()) == 3, 300, "three machines are nodes again")
    await_all(stores, client.store)
    lost = load.lost()
    load.report("all power cut", lost)
    assert lost == []
