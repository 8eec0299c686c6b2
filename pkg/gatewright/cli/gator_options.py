"""What `verify`, `test` and `bench` share: options, engines, words of errors."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar

import click

from gatewright.cli.problems import Problem

__all__ = [
    "GatorCommand",
    "cel_options",
    "check_failure_policy",
    "choose_engine",
    "engine_option",
    "fail",
    "image_options",
    "refuse_images",
    "refuse_trace",
    "say",
    "warn",
]

_F = TypeVar("_F", bound=Callable[..., Any])
_ENGINES = ("rego", "cel", "all")


def fail(text: str) -> NoReturn:
    """End the command with status 1 and a bare line on stderr, as gator does."""
    click.echo(text, err=True)
    raise SystemExit(1)


def say(notices: Iterable[str]) -> None:
    """Print each remark once on stderr."""
    for notice in dict.fromkeys(notices):
        click.echo(f"Note: {notice}", err=True)


def warn(texts: Iterable[str]) -> None:
    """Print warnings on stderr with the time, as gator logs them."""
    for text in texts:
        stamp = time.strftime("%Y/%m/%d %H:%M:%S")
        click.echo(f"{stamp} WARNING - {text}", err=True)


#: Thresholds of the garbage collector, by generation.
_RARELY = (200_000, 20, 100)
#: What Go takes for a truth value.
_TRUTHS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


class GatorCommand(click.Command):
    """A command whose switches may have a value: `--verbose=false`.

    What it loads it keeps to its end, so it looks for garbage rarely: that would
    be a fifth of the time that it takes to compile templates.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        before = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(*_RARELY)
        try:
            return super().invoke(ctx)
        finally:
            gc.set_threshold(*before)
            gc.unfreeze()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse a command line, such values taken apart first."""
        switches = {
            name: one.is_flag
            for one in self.params
            if isinstance(one, click.Option) and (one.is_flag or one.type is click.BOOL)
            for name in one.opts
        }
        out: list[str] = []
        for place, arg in enumerate(args):
            if arg == "--":
                out += args[place:]
                break
            name, mark, value = arg.partition("=")
            if name not in switches:
                out.append(arg)
            elif not switches[name]:
                # Without its value it would take what comes after it.
                out.append(arg if mark else f"{arg}=true")
            elif not mark:
                out.append(arg)
            elif value not in _TRUTHS:
                raise click.BadParameter(
                    f"{value!r} is not a valid boolean.", ctx, param_hint=name
                )
            elif _TRUTHS[value]:
                out.append(name)
        return super().parse_args(ctx, out)


def engine_option(short: str = "") -> Callable[[_F], _F]:
    """Return the option that chooses the policy engine."""
    names = ["--engine", *([short] if short else [])]
    return click.option(
        *names,
        default=None,
        metavar="ENGINE",
        help="Policy engine: rego (the default and, for now, the only one that works), "
        "cel or all.",
    )


def choose_engine(engine: str | None) -> None:
    """Raise Problem unless the engine can be used."""
    if engine is None:
        return
    name = engine.lower()
    if name not in _ENGINES:
        fail(
            f"invalid engine: invalid engine {_quoted(engine)} "
            f"(valid: {', '.join(_ENGINES)})"
        )
    if name != "rego":
        raise Problem(
            f"--engine {name}: the CEL engine (K8sNativeValidation) is not supported yet",
            remedy="Use --engine rego: it evaluates the Rego code of templates.",
        )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def cel_options(command: _F) -> _F:
    """Add gator's switches of its CEL engine."""
    command = click.option(
        "--enable-k8s-native-validation",
        "native",
        type=click.BOOL,
        is_flag=False,
        flag_value=True,
        default=None,
        metavar="BOOL",
        help="Taken from gator. With false the Rego of templates is evaluated, and "
        "nothing is said about their CEL; CEL itself is not supported yet.",
    )(command)
    return click.option(
        "--default-k8s-native-validation-failure-policy",
        "failure_policy",
        default="Fail",
        metavar="POLICY",
        help="Taken from gator: Fail or Ignore. Without effect until CEL is supported.",
    )(command)


def check_failure_policy(policy: str) -> str:
    """Return what is wrong with a failure policy, or a blank."""
    if policy in ("Fail", "Ignore"):
        return ""
    return (
        "invalid default K8sNativeValidation failure policy: unrecognized failure "
        f"policy: {policy}"
    )


def image_options(command: _F) -> _F:
    """Add gator's options for policies in OCI images, which are refused."""
    for option in (
        click.option(
            "-i",
            "--image",
            "images",
            multiple=True,
            metavar="URL",
            help="An OCI image with policies; not supported yet.",
        ),
        click.option("--plain-http", is_flag=True, hidden=True),
        click.option("-d", "--tempdir", metavar="DIR", hidden=True),
    ):
        command = option(command)
    return command


def refuse_images(images: Iterable[str]) -> None:
    """Raise Problem if an image is asked for."""
    for image in images:
        raise Problem(
            f"--image {image}: policies in OCI images are not supported yet",
            remedy="Unpack the image and name the folder with --filename.",
        )


def refuse_trace(trace: bool) -> None:
    """Raise Problem if a trace is asked for."""
    if trace:
        raise Problem(
            "--trace: traces of an evaluation are not supported yet",
            remedy="print() in a policy shows values; --verbose prints them.",
        )
