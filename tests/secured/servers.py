"""A Kafka that takes only users it knows, over TLS, and a Redis that does; each user may do what its rights say.

Kafka has its own TLS, SCRAM and authorizer. Redis keeps its own users; where the server that is here was built without
TLS, a relay in front of it speaks TLS instead. REDIS_WITH_SERIES in the environment, such as
``/opt/redis/redis-server --loadmodule /opt/redis/redistimeseries.so``, starts a Redis that has TimeSeries in its place;
the program itself, since what a script puts in its own place isn't found again to be stopped.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from libs.local import kafka as local
from libs.local.jars import cache_folder, manifest
from libs.local.ports import HOST, free_port
from libs.local.process import Program, Server
from libs.local.programs import find_java, find_redis
from libs.local.stack import LocalStack
from tests.real.guard import guard
from tests.secured.certificates import Certificates
from tests.secured.relay import Relay
from tests.secured.rights import Rights

ADMIN: Final = "admin"
SERIES: Final = "REDIS_WITH_SERIES"
_STOP_SECONDS: Final = 30


def password(user: str) -> str:
    """A user's, in Kafka and Redis alike."""
    return f"of-{user}"


class Secured:
    """Both servers; ``start`` and ``stop``. The user `admin` may do everything."""

    def __init__(self, folder: Path, certificates: Certificates, users: Mapping[str, Rights]) -> None:
        self.certificates = certificates
        self.series = bool(os.environ.get(SERIES))
        self._users = users
        self.kafka_port = free_port()
        self._inner = free_port(self.kafka_port)
        self.redis_port = free_port(self.kafka_port, self._inner)
        plain = free_port(self.kafka_port, self._inner, self.redis_port)
        self._native = redis_has_tls()
        self._folder = folder
        self._redis_inner = plain
        self._kafka = self._kafka_server(folder)
        self._redis = self._redis_server(folder)
        self._relay = None if self._native else Relay(certificates, self.redis_port, plain)
        guard(folder, self._inner, plain)

    def start(self) -> None:
        """Start both, and wait until they answer."""
        self._redis.start()
        if self._relay is not None:
            self._relay.start()
        self._kafka.start()

    def stop(self) -> None:
        """Stop what runs."""
        self._kafka.stop()
        if self._relay is not None:
            self._relay.stop()
        self._redis.stop()

    def environment(self, user: str, **changed: str) -> dict[str, str]:
        """The settings of a process that is this user."""
        settings = {
            "KAFKA": f"localhost:{self.kafka_port}",
            "KAFKA_SECURITY": "SASL_SSL",
            "KAFKA_USER": user,
            "KAFKA_PASSWORD": password(user),
            "KAFKA_CA": str(self.certificates.authority),
            "REDIS": f"rediss://{user}:{password(user)}@localhost:{self.redis_port}/0",
            "REDIS_CA": str(self.certificates.authority),
            "PARTITIONS": "1",
            "CREATE_TOPICS": "false",
            "DATA": str(self._folder / "unused"),
        }
        return {f"STRATAFOLD_{name}": value for name, value in {**settings, **changed}.items()}

    def _kafka_server(self, data: Path) -> Server:
        folder = data / "kafka"

        def prepare() -> list[str]:
            stack = LocalStack(
                data, self._inner, self._redis_inner
            )  # which brings the jars if they are not here
            stack._jars()
            jars = os.pathsep.join(str(cache_folder() / jar.name) for jar in manifest())
            machine = str(find_java())
            properties, logging = folder / "server.properties", folder / "log4j2.properties"
            (folder / "tmp").mkdir(parents=True)
            properties.write_text(
                local._properties(folder / "data", self._inner, free_port(self._inner)) + self._lines()
            )
            logging.write_text(local._LOG4J)
            options = [
                *local._JVM,
                f"-Dlog4j2.configurationFile={logging}",
                f"-Djava.io.tmpdir={folder / 'tmp'}",
                "-cp",
                jars,
            ]
            known = [
                f"SCRAM-SHA-512=[name={user},password={password(user)}]" for user in (ADMIN, *self._users)
            ]
            scram = [word for one in known for word in ("--add-scram", one)]
            tool = [
                machine,
                *options,
                "kafka.tools.StorageTool",
                "format",
                "--cluster-id",
                local._cluster_id(),
                *scram,
            ]
            local._format(tool, properties)
            return [machine, *local._HEAP, *options, "kafka.Kafka", str(properties)]

        program = Program(
            "kafka", self._inner, "-", prepare, lambda: local.answers(self._inner), _STOP_SECONDS
        )
        return Server(program, data)

    def _lines(self) -> str:
        """What the last lines of its properties change: users over TLS outside, the broker's own listener within."""
        outside, within = f"SASL_SSL://{HOST}:{self.kafka_port}", f"PLAINTEXT://{HOST}:{self._inner}"
        controller = f"CONTROLLER://{HOST}:{free_port(self._inner, self.kafka_port)}"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule"
        settings = {
            "listeners": f"{outside},{within},{controller}",
            "advertised.listeners": f"SASL_SSL://localhost:{self.kafka_port},{within}",
            "controller.quorum.voters": f"1@{controller.removeprefix('CONTROLLER://')}",
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{scram} required;",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificates.both),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # whoever comes by the listener within, which only this broker and this machine reach
            "super.users": f"User:{ADMIN};User:ANONYMOUS",
        }
        return "".join(f"{name}={local._escaped(value)}\n" for name, value in settings.items())

    def _redis_server(self, data: Path) -> Server:
        folder = data / "redis"
        port = self.redis_port if self._native else self._redis_inner

        def prepare() -> list[str]:
            folder.mkdir(parents=True)
            users = [
                one.redis_user(password(one.name), series=self.series)
                for one in self._users.values()
                if one.keys
            ]
            users += ["user default off", f"user {ADMIN} on >{password(ADMIN)} ~* &* +@all"]
            (folder / "users.acl").write_text("\n".join(users) + "\n")
            # by its own title it would not be found again
            lines = [f"bind {HOST}", "set-proc-title no", f'dir "{folder}"', 'save ""']
            lines.append(f'aclfile "{folder / "users.acl"}"')
            if self._native:
                files = self.certificates
                lines += ["port 0", f"tls-port {port}", "tls-auth-clients no"]
                lines += [f'tls-cert-file "{files.certificate}"', f'tls-key-file "{files.key}"']
                lines += [f'tls-ca-cert-file "{files.authority}"']
            else:
                lines.append(f"port {port}")
            (folder / "redis.conf").write_text("\n".join(lines) + "\n")
            program, *options = _redis_words()
            return [program, str(folder / "redis.conf"), *options]

        return Server(Program("redis", port, "-", prepare, lambda: _listens(port), _STOP_SECONDS), data)


def _redis_words() -> list[str]:
    """What starts Redis, before any setting."""
    return shlex.split(os.environ.get(SERIES, "")) or [str(find_redis())]


def redis_has_tls() -> bool:
    """Whether the Redis that is here was built with TLS: then it misses a certificate, and otherwise TLS itself."""
    port = str(free_port())
    probe = [*_redis_words(), "--bind", HOST, "--port", "0", "--tls-port", port, "--save", ""]
    ended = subprocess.run(probe, capture_output=True, text=True, timeout=20, check=False)
    return "tls-cert-file" in ended.stdout


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
