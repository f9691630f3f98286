"""Settings: every wrong one is refused with one line that names it and never repeats it."""

from __future__ import annotations

import base64
import logging
import os
from pathlib import Path

import pytest

from libs.settings import SERVICES, SettingsError, load, unknown
from tests.secured.certificates import made

SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()
MASTER = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with no setting of the person who runs it."""
    for name in [name for name in os.environ if name.startswith("STRATAFOLD_")]:
        monkeypatch.delenv(name)


def test_with_nothing_set_the_local_stack_is_meant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load()
    assert settings.kafka_servers == f"127.0.0.1:{settings.local_kafka_port}"
    assert settings.redis_url == f"redis://127.0.0.1:{settings.local_redis_port}/0"
    assert settings.data == tmp_path / ".stratafold"
    assert (settings.partitions, settings.replication, settings.history, settings.rate_limit) == (
        6,
        1,
        10_000,
        600,
    )
    assert (settings.gateway_port, settings.api_port) == (8001, 8000)
    assert (settings.replay_seconds, settings.poll_seconds) == (300, 30)
    assert settings.services == SERVICES
    assert settings.create_topics is True
    assert settings.namespace == ""
    assert settings.webhook_keys == ()
    assert settings.master_key_bytes is None


def test_what_is_set_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "KAFKA": "a:9092, [::1]:9093",
        "REDIS": "rediss://user:pass@h:6380/2",
        "NAMESPACE": "Team-a_1.x",
        "SERVICES": "executions, operations",
        "DATA": str(tmp_path / "d"),
        "CREATE_TOPICS": "false",
        "WEBHOOK_SECRETS": f"{SECRET}, whsec_aGk=",
        "MASTER_KEY": MASTER,
        "POLL_SECONDS": "0.5",
        "RATE_LIMIT": "0",
    }.items():
        monkeypatch.setenv(f"STRATAFOLD_{name}", value)
    settings = load()
    assert settings.kafka_servers == "a:9092,[::1]:9093"
    assert settings.redis_url == "rediss://user:pass@h:6380/2"
    assert settings.namespace == "Team-a_1.x"
    assert settings.services == ("operations", "executions")
    assert settings.data == tmp_path / "d"
    assert settings.create_topics is False
    assert settings.webhook_keys == (bytes(range(24)), b"hi")
    assert settings.master_key_bytes == bytes.fromhex(MASTER)
    assert settings.poll_seconds == 0.5
    assert settings.rate_limit == 0


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATAFOLD_KAFKA", "")
    monkeypatch.setenv("STRATAFOLD_PARTITIONS", "")
    monkeypatch.setenv("STRATAFOLD_WEBHOOK_SECRETS", "")
    settings = load()
    assert settings.kafka is None
    assert settings.partitions == 6
    assert settings.webhook_keys == ()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("KAFKA", "localhost", "host:port"),
        ("KAFKA", "h:0", "host:port"),
        ("KAFKA", "h:65536", "host:port"),
        ("KAFKA", "h:9092,,", "host:port"),
        ("REDIS", "h:6379", "URL"),
        ("REDIS", "redis://h:hunter2/0", "URL"),
        ("REDIS", "redis://", "URL"),
        ("REDIS", "http://h:6379", "URL"),
        ("NAMESPACE", "a b", "letters"),
        ("NAMESPACE", "{x}", "letters"),
        ("NAMESPACE", "a:b", "letters"),
        ("NAMESPACE", "n" * 201, "200"),
        ("PARTITIONS", "0", "greater than or equal to 1"),
        ("PARTITIONS", "six", "valid integer"),
        ("REPLICATION", "0", "greater than or equal to 1"),
        ("CREATE_TOPICS", "perhaps", "valid boolean"),
        ("SERVICES", "operations,orders", "some of operations, executions"),
        ("SERVICES", ",", "some of operations, executions"),
        ("DATA", "/tmp/a\nb", "without control characters"),
        ("DATA", "a\rb", "without control characters"),
        ("DATA", "a\x7f", "without control characters"),
        ("DATA", "a\udcffb", "in UTF-8"),
        ("LOCAL_KAFKA_PORT", "0", "greater than or equal to 1"),
        ("LOCAL_REDIS_PORT", "65536", "less than or equal to 65535"),
        ("GATEWAY_PORT", "-1", "greater than or equal to 1"),
        ("API_PORT", "http", "valid integer"),
        ("WEBHOOK_SECRETS", "c2VjcmV0", "begin with whsec_"),
        ("WEBHOOK_SECRETS", f"{SECRET},whsec_c2VjcmV0!", "base64"),
        ("WEBHOOK_SECRETS", "whsec_c2VjcmV", "base64"),
        ("WEBHOOK_SECRETS", "whsec_ü", "base64"),
        ("WEBHOOK_SECRETS", "whsec_", "empty"),
        ("MASTER_KEY", MASTER[:-1], "64 hex digits"),
        ("MASTER_KEY", MASTER[:-1] + "g", "64 hex digits"),
        ("MASTER_KEY", MASTER + "\n", "64 hex digits"),
        ("REPLAY_SECONDS", "-1", "greater than or equal to 0"),
        ("POLL_SECONDS", "0", "greater than 0"),
        ("POLL_SECONDS", "nan", "finite"),
        ("RATE_LIMIT", "-1", "greater than or equal to 0"),
        ("HISTORY", "0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line_that_names_it_and_not_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(f"STRATAFOLD_{name}", value)
    with pytest.raises(SettingsError) as refusal:
        load()
    line = str(refusal.value)
    assert line.startswith(f"STRATAFOLD_{name}: ")
    assert reason in line
    assert "\n" not in line
    if name in ("WEBHOOK_SECRETS", "MASTER_KEY", "REDIS"):
        assert all(part not in line for part in value.split(",") if len(part) > 8)
        assert "hunter2" not in line
        assert refusal.value.__cause__ is None
        assert refusal.value.__suppress_context__


def test_all_wrong_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATAFOLD_PARTITIONS", "0")
    monkeypatch.setenv("STRATAFOLD_HISTORY", "x")
    with pytest.raises(SettingsError, match=r"^STRATAFOLD_PARTITIONS: .*; STRATAFOLD_HISTORY: .*$"):
        load()


def test_secrets_are_in_no_text_that_settings_become(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "WEBHOOK_SECRETS": SECRET,
        "MASTER_KEY": MASTER,
        "REDIS": "redis://:hunter2hunter2@h:1/0",
        "UPSTREAM_API_KEY": "key-of-upstream",
        "UPSTREAM_API_SECRET": "secret-of-upstream",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(f"STRATAFOLD_{name}", value)
    settings = load()
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    for value in (*secrets.values(), "hunter2"):
        assert value not in shown


def test_a_variable_that_no_setting_has_is_warned_of_and_left_aside(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STRATAFOLD_PARTITION", "3")
    with caplog.at_level(logging.WARNING):
        assert load().partitions == 6
    assert "STRATAFOLD_PARTITION is no setting and is left aside; STRATAFOLD_PARTITIONS is one" in caplog.text


def test_a_variable_like_none_of_ours_has_no_suggestion() -> None:
    assert unknown({"STRATAFOLD_QQQ": "", "OTHER": "", "STRATAFOLD_KAFKA": ""}) == {"STRATAFOLD_QQQ": None}


@pytest.fixture
def authorities(tmp_path: Path) -> Path:
    """A file of certificates that may be trusted."""
    certificates = made(tmp_path)
    return certificates.authority


def _set(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"STRATAFOLD_{name}", value)


SECURED = {"KAFKA": "h:9093", "KAFKA_SECURITY": "SASL_SSL", "KAFKA_USER": "u", "KAFKA_PASSWORD": "let-me-in"}


def test_tls_users_and_who_signs_are_settings(monkeypatch: pytest.MonkeyPatch, authorities: Path) -> None:
    more = {"KAFKA_CA": str(authorities), "REDIS": "rediss://u:p@h:6380", "REDIS_CA": str(authorities)}
    _set(monkeypatch, {**SECURED, **more})
    settings = load()
    assert (settings.kafka_security, settings.kafka_sasl) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (settings.kafka_ca, settings.redis_ca) == (authorities, authorities)
    assert "let-me-in" not in repr(settings)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"KAFKA": ""}, "STRATAFOLD_KAFKA: is needed with"),
        ({"KAFKA_USER": ""}, "STRATAFOLD_KAFKA_USER: is needed with"),
        ({"KAFKA_PASSWORD": ""}, "STRATAFOLD_KAFKA_PASSWORD: is needed with"),
        ({"KAFKA_SECURITY": "SSL"}, "STRATAFOLD_KAFKA_USER: is of no use without"),
        ({"KAFKA_SECURITY": ""}, "STRATAFOLD_KAFKA_USER: is of no use without"),
        ({"KAFKA_SECURITY": "TLS"}, "STRATAFOLD_KAFKA_SECURITY: should be 'PLAINTEXT', 'SSL' or 'SASL_SSL'"),
        ({"KAFKA_SASL": "GSSAPI"}, "STRATAFOLD_KAFKA_SASL: should be"),
        ({"KAFKA_CA": "/nowhere/ca.pem"}, "STRATAFOLD_KAFKA_CA: can't be read: No such file"),
        (
            {"REDIS_CA": __file__, "REDIS": "rediss://h"},
            "STRATAFOLD_REDIS_CA: must be a file of certificates",
        ),
    ],
)
def test_settings_that_make_no_sense_together_are_refused_so_that_nothing_goes_unsecured_by_mistake(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], said: str
) -> None:
    _set(monkeypatch, {**SECURED, **changed})
    with pytest.raises(SettingsError) as refused:
        load()
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"KAFKA": "h:9092"}, "STRATAFOLD_KAFKA_CA: is of no use without"),
        ({"KAFKA": "h:9092", "KAFKA_SECURITY": "SSL"}, None),
    ],
)
def test_authorities_without_tls_are_refused(
    monkeypatch: pytest.MonkeyPatch, authorities: Path, settings: dict[str, str], said: str | None
) -> None:
    _set(monkeypatch, {**settings, "KAFKA_CA": str(authorities)})
    if said is None:
        assert load().kafka_security == "SSL"
        return
    with pytest.raises(SettingsError, match=said):
        load()


def test_authorities_of_a_redis_without_tls_are_refused(
    monkeypatch: pytest.MonkeyPatch, authorities: Path
) -> None:
    _set(monkeypatch, {"REDIS": "redis://h:6379/0", "REDIS_CA": str(authorities)})
    with pytest.raises(SettingsError, match="STRATAFOLD_REDIS_CA: is of no use without"):
        load()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        ("https://collector/otlp/traces", "https://collector/otlp/traces"),
        ("", None),
    ],
)
def test_traces_go_where_a_collector_takes_them(
    monkeypatch: pytest.MonkeyPatch, given: str, meant: str | None
) -> None:
    _set(monkeypatch, {"TRACES": given})
    assert (load().traces, load().traces_share) == (meant, 1)


@pytest.mark.parametrize("given", ["collector:4318", "grpc://collector:4317", "http://", "http://h:x", "on"])
def test_a_collector_without_a_url_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    _set(monkeypatch, {"TRACES": given})
    with pytest.raises(SettingsError, match=r"^STRATAFOLD_TRACES: must be a URL such as http://host:4318"):
        load()


@pytest.mark.parametrize("given", ["-0.1", "1.1", "nan", "all"])
def test_a_share_is_between_none_and_all(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    _set(monkeypatch, {"TRACES_SHARE": given})
    with pytest.raises(SettingsError, match=r"^STRATAFOLD_TRACES_SHARE: "):
        load()
