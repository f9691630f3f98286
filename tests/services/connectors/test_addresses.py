"""What URLs of streams say, and which are refused with one line."""

from __future__ import annotations

import pytest

from services.connectors.addresses import WrongAddress, address, agent_address, strategy_path


def test_the_rest_is_on_the_same_host_and_port() -> None:
    one = address("wss://stream.example:8443/v1/ws?x=1")
    assert (one.rest, one.path, one.loopback) == ("https://stream.example:8443", "/v1/ws", False)
    assert address("ws://127.0.0.1:8000").path == "/"
    assert address("ws://[::1]:8000/v1/ws").loopback
    assert strategy_path("a/b ?") == "/api/v1/strategies/a%2Fb%20%3F"


def test_an_agents_url_tells_the_agent_and_its_lists() -> None:
    one = agent_address("ws://localhost:9/backend/agents/my%20agent/stream")
    assert one.agent == "my agent"
    assert one.rest("my agent", "risk/blocks") == "http://localhost:9/backend/agents/my%20agent/risk/blocks"
    assert one.rest("current") == "http://localhost:9/backend/agents/current"
    assert one.of("b") == "ws://localhost:9/backend/agents/b/stream"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "http://h/v1/ws",
        "ws://",
        "ws://h:0/",
        "ws://h:99999/v1/ws",
        "ws://h:x/",
        "ws://a b/",
        "ws://u:p@h/v1",
    ],
)
def test_what_is_no_stream_is_refused(url: str) -> None:
    with pytest.raises(WrongAddress, match="--url"):
        address(url)


@pytest.mark.parametrize("path", ["", "/agents", "/agents/a", "/agents//stream", "/agents/a/b/stream"])
def test_what_is_no_agents_stream_is_refused(path: str) -> None:
    with pytest.raises(WrongAddress, match="agents"):
        agent_address(f"ws://h:1{path}")
