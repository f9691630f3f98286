"""How clients get at Kafka and Redis is said in one place each, and is what the settings say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis, SSLConnection

from libs.runtime.kafka_access import KafkaAccess
from libs.settings import Settings
from libs.views.redis_access import RedisAccess
from tests.secured.certificates import made

ROOT = Path(__file__).resolve().parents[2]
KAFKA_PLACE, REDIS_PLACE = "libs/runtime/kafka_access.py", "libs/views/redis_access.py"
KAFKA_CLIENTS = {"AIOKafkaConsumer", "AIOKafkaProducer", "AIOKafkaAdminClient", "AIOKafkaClient"}


def _calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Every call of the program: its file, itself, and the last part of the name that is called."""
    for folder in ("libs", "services"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    name = str(getattr(node.func, "attr", None) or getattr(node.func, "id", ""))
                    yield path.relative_to(ROOT).as_posix(), node, name


def test_every_client_of_kafka_is_made_with_the_one_places_options() -> None:
    made_here = [(file, call) for file, call, name in _calls() if name in KAFKA_CLIENTS]
    assert len(made_here) > 8
    for file, call in made_here:
        unpacked = [ast.unparse(one.value) for one in call.keywords if one.arg is None]
        assert any(one.endswith(".options()") for one in unpacked), f"{file}:{call.lineno}"
        named = {one.arg for one in call.keywords}
        assert not named & {"bootstrap_servers", "security_protocol", "ssl_context"}, f"{file}:{call.lineno}"


def test_faststreams_broker_is_given_the_same_security() -> None:
    brokers = [call for _, call, name in _calls() if name == "KafkaBroker"]
    assert len(brokers) == 1
    given = {one.arg: ast.unparse(one.value) for one in brokers[0].keywords}
    assert given["security"] == "self._kafka.security"


def test_only_the_one_place_connects_to_redis() -> None:
    elsewhere = {
        f"{file}:{call.lineno}"
        for file, call, name in _calls()
        if name in ("from_url", "Redis", "ConnectionPool", "BlockingConnectionPool") and file != REDIS_PLACE
    }
    assert elsewhere == set()


def test_without_settings_kafka_is_asked_in_the_clear() -> None:
    assert KafkaAccess.of(Settings(kafka="h:9092")).options() == {"bootstrap_servers": "h:9092"}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_user_is_shown_by_the_mechanism_that_is_set_and_over_tls(tmp_path: Path, mechanism: str) -> None:
    authority = made(tmp_path).authority
    settings = Settings.model_validate(
        {
            "kafka": "h:9093",
            "kafka_security": "SASL_SSL",
            "kafka_sasl": mechanism,
            "kafka_user": "operations",
            "kafka_password": SecretStr("secret"),
            "kafka_ca": authority,
        }
    )
    options = KafkaAccess.of(settings).options()
    trusted = options.pop("ssl_context")
    assert options == {
        "bootstrap_servers": "h:9093",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "operations",
        "sasl_plain_password": "secret",
    }
    assert [one["subject"] for one in trusted.get_ca_certs()] == [
        ((("commonName", "stratafold test authority"),),)
    ]
    assert trusted.check_hostname


def test_tls_without_a_user() -> None:
    options = KafkaAccess.of(Settings(kafka="h:9093", kafka_security="SSL")).options()
    assert options["security_protocol"] == "SSL"
    assert options["ssl_context"] is not None


def test_redis_trusts_only_the_authorities_that_are_set(tmp_path: Path) -> None:
    authority = made(tmp_path).authority
    access = RedisAccess.of(Settings(redis=SecretStr("rediss://u:p@h:6380/1"), redis_ca=authority))
    for pool in (access.client().connection_pool, access.pool()):
        assert issubclass(pool.connection_class, SSLConnection)
        assert pool.connection_kwargs["ssl_ca_certs"] == str(authority)
        assert (pool.connection_kwargs["username"], pool.connection_kwargs["password"]) == ("u", "p")


def test_redis_in_the_clear_has_no_trust_to_be_told() -> None:
    client: Redis = RedisAccess.of(Settings(redis=SecretStr("redis://h:6379/0"))).client(socket_timeout=1)
    assert "ssl_ca_certs" not in client.connection_pool.connection_kwargs
