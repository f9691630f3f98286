"""Apache Kafka as one node, broker and controller: its settings, its command line, how to see that it answers."""

from __future__ import annotations

import base64
import os
import socket
import struct
import subprocess
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from libs.local.errors import LocalStackError
from libs.local.ports import HOST, free_port
from libs.local.process import Program, Server, environment

# Room for the dead letters' 3 MiB with headers and framing.
RECORD_BYTES: Final = 4 * 1024 * 1024
_HEAP: Final = ("-Xms128m", "-Xmx384m")
_JVM: Final = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
)
_LOG4J: Final = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.BrokerServer
logger.server.level = info
"""


def kafka(
    data: Path,
    port: int,
    java: Callable[[], Path],
    jars: Callable[[], list[Path]],
    besides: Collection[int] = (),
) -> Server:
    """A Kafka that keeps its topics in `data`/kafka and listens on loopback.

    `java` and `jars`, its class path, are asked for at each start. It needs a second port, for its controller, and
    takes a free one that is none of `besides`: those that somebody is still to listen on.
    """
    folder = data / "kafka"

    def prepare() -> list[str]:
        machine, class_path = str(java()), os.pathsep.join(map(str, jars()))

        def run(*options: str) -> list[str]:
            return [machine, *options, *_JVM, "-cp", class_path]

        properties, logging = folder / "server.properties", folder / "log4j2.properties"
        if "," in str(folder):
            raise LocalStackError(
                "STRATAFOLD_DATA: Kafka can't keep its data in a folder with a comma in its name"
            )
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        properties.write_text(_properties(folder / "data", port, free_port(port, *besides)))
        logging.write_text(_LOG4J)
        log4j = f"-Dlog4j2.configurationFile={logging}"
        if not (folder / "data" / "meta.properties").exists():
            _format(
                [*run("-Xmx128m", log4j), "kafka.tools.StorageTool", "format", "--cluster-id", _cluster_id()],
                properties,
            )
        # native libraries are unpacked there: the system's own folder may forbid running them
        temporary = f"-Djava.io.tmpdir={folder / 'tmp'}"
        return [*run(*_HEAP, log4j, temporary), "kafka.Kafka", str(properties)]

    program = Program(
        "kafka", port, "STRATAFOLD_LOCAL_KAFKA_PORT", prepare, lambda: answers(port), stop_seconds=30
    )
    return Server(program, data)


def answers(port: int) -> bool:
    """Whether a broker takes requests on the port: it answers ApiVersions (key 18, version 0)."""
    request = struct.pack(">hhih", 18, 0, 1, -1)
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.recv(10)
    except OSError:
        return False
    return len(answer) == 10 and struct.unpack_from(">ih", answer, 4) == (1, 0)


def _format(command: list[str], properties: Path) -> None:
    argv = [*command, "--config", str(properties)]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines() or ["it said nothing"]
        raise LocalStackError(f"Kafka's storage can't be made in {properties.parent}: {said[0]}")


def _cluster_id() -> str:
    # one that begins with "-" would be taken for an option
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")


def _properties(folder: Path, port: int, controller_port: int) -> str:
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": folder,
        "auto.create.topics.enable": "false",
        "message.max.bytes": RECORD_BYTES,
        "replica.fetch.max.bytes": RECORD_BYTES,
        "replica.fetch.response.max.bytes": 4 * RECORD_BYTES,
        # one node: nothing can be on two
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.num.partitions": 4,
        # quick to start, to rebalance and to come back after a kill
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 3000,
        # one person's machine: few threads, little memory
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "log.index.size.max.bytes": 2 * 1024 * 1024,
        "log.segment.bytes": 256 * 1024 * 1024,
    }
    return "".join(f"{name}={_escaped(str(value))}\n" for name, value in settings.items())


def _escaped(value: str) -> str:
    """As a properties file has it: a backslash doubled, what is not ASCII as \\uXXXX in UTF-16."""
    units = value.replace("\\", "\\\\").encode("utf-16-be", "surrogatepass")
    return "".join(
        chr(unit) if unit < 128 else f"\\u{unit:04x}" for (unit,) in struct.iter_unpack(">H", units)
    )
