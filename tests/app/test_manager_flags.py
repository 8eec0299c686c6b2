"""Flags of `gatewright manager`: what is refused, what is passed over, what it sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from gatewright.app import serve
from gatewright.app.settings import ClusterSettings, Settings
from gatewright.app.sockets import BindError
from gatewright.cli.cluster import manager
from gatewright.cli.gatekeeper_flags import IDLE, REFUSED
from gatewright.cli.problems import Problem


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings with which it would start; it stops before it binds."""
    seen: list[Settings] = []

    def bind(settings: Settings) -> Any:
        seen.append(settings)
        raise BindError("stopped here")

    monkeypatch.setattr(serve, "bind", bind)
    return seen


def run(*flags: str) -> str:
    """What it says about these; "stopped here" if it would start."""
    with pytest.raises((Problem, click.UsageError)) as caught:
        manager.main(["--debug-use-fake-pod", *flags], standalone_mode=False)
    return caught.value.format_message()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_done_is_refused(name: str, started: list[Settings]) -> None:
    assert f"--{name}=other is not supported yet" in run(f"--{name}=other")
    assert started == []
    for value in REFUSED[name]:
        assert "stopped here" in run(f"--{name}={value}")


def test_what_changes_nothing_is_named(
    started: list[Settings], capfd: pytest.CaptureFixture[str]
) -> None:
    flags = [f"--{name}=1" for name in IDLE]
    assert "stopped here" in run(*flags)

    said = capfd.readouterr().err
    assert len(started) == 1
    assert said.count('"msg":"flag without effect"') == len(IDLE)
    assert '"flag":"--api-cache-dir","reason":"audit judges page by page' in said


def test_hosts_of_builtins(started: list[Settings]) -> None:
    run("--allow-net=a.example", "--allow-net=b.example:8443")
    run()
    assert [one.allow_net for one in started] == [{"a.example", "b.example:8443"}, None]
    assert "'http://a' is not HOST or HOST:PORT" in run("--allow-net=http://a")


def test_booleans_are_go_s(started: list[Settings]) -> None:
    run("--log-denies", "--enable-referential-rules=f", "--log-mutations=false")

    (settings,) = started
    assert settings.log_denies
    assert not settings.referential
    assert not settings.log_mutations
    assert "is not true or false" in run("--log-denies=maybe")


@pytest.mark.parametrize(
    ("operations", "endpoints"),
    [
        ((), ("admit", "admitlabel", "mutate")),
        (("webhook",), ("admit", "admitlabel")),
        (("mutation-webhook",), ("mutate",)),
        (("audit,status",), ()),
    ],
)
def test_endpoints_are_those_of_the_operations(
    operations: tuple[str, ...], endpoints: tuple[str, ...]
) -> None:
    settings = Settings(Path(), cluster=ClusterSettings("p", operations))

    assert settings.endpoints == endpoints
    assert settings.serves is bool(endpoints)
