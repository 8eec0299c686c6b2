"""Flags as opa reads them, and the words in which it refuses them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from typing import IO, Any, Final, TypeVar

import click

__all__ = [
    "DURATION",
    "FLOAT",
    "INTEGER",
    "Command",
    "FlagError",
    "accepted",
    "print_error",
    "refused",
]

F = TypeVar("F", bound=Callable[..., Any])

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class FlagError(click.ClickException):
    """The command line is wrong: exit status 1, as opa has it."""

    exit_code = 1

    def __init__(self, message: str, usage: str = "") -> None:
        super().__init__(message)
        self.usage = usage

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"Error: {self.message}", file=file, err=file is None)
        if self.usage:
            click.echo(f"{self.usage}\n", file=file, err=file is None)


class _Duration(click.ParamType):  # type: ignore[type-arg]  # generic since 8.3
    """A Go duration, in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        from gatewright.gator.gotime import duration_ns

        try:
            return duration_ns(value) / 1e9
        except ValueError as error:
            return self.fail(str(error), param, ctx)


class _Integer(click.ParamType):  # type: ignore[type-arg]  # as above
    """A whole number, read as Go reads it."""

    name = "int"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        try:
            return int(value, 0)
        except ValueError:
            text = f'strconv.ParseInt: parsing "{value}": invalid syntax'
            return self.fail(text, param, ctx)


class _Float(click.ParamType):  # type: ignore[type-arg]  # as above
    """A number."""

    name = "float"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        try:
            return float(value)
        except ValueError:
            text = f'strconv.ParseFloat: parsing "{value}": invalid syntax'
            return self.fail(text, param, ctx)


DURATION: Final = _Duration()
FLOAT: Final = _Float()
INTEGER: Final = _Integer()


class Command(click.Command):
    """A command that reads its flags as opa does.

    `--flag=false` is allowed, `OPA_<COMMAND>_<FLAG>` gives defaults, and mistakes
    are reported in the words of opa's library.  `check` is called with the values
    before the command runs; what it raises as FlagError gets the usage line.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        settings = kwargs.setdefault("context_settings", {})
        name = kwargs.get("name") or (args[0] if args else "")
        settings.setdefault("auto_envvar_prefix", f"OPA_{str(name).upper()}")
        settings.setdefault("help_option_names", ["-h", "--help"])
        settings.setdefault("max_content_width", 100)
        super().__init__(*args, **kwargs)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        given = list(args)
        try:
            args = self._with_values(args)
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            raise FlagError(self._words(error, given), self._usage(error)) from error

    def invoke(self, ctx: click.Context) -> Any:
        from gatewright.rego.depth import deep

        try:
            # Builtins in Python get values as deep as JSON may be, as opa's do.
            with deep():
                return super().invoke(ctx)
        except click.UsageError as error:
            message = error.message
            raise FlagError(message, ctx.get_usage()) from error

    def _usage(self, error: click.UsageError) -> str:
        return error.ctx.get_usage() if error.ctx is not None else ""

    def _with_values(self, args: list[str]) -> list[str]:
        """Resolve `--flag=true` and `--flag=false` of flags that take no value."""
        flags: dict[str, click.Option] = {}
        for param in self.params:
            if isinstance(param, click.Option) and param.is_flag:
                flags.update(dict.fromkeys(param.opts, param))
        out: list[str] = []
        rest = iter(args)
        for arg in rest:
            name, equals, value = arg.partition("=")
            if arg == "--":
                out += [arg, *rest]
            elif not equals or name not in flags:
                out.append(arg)
            elif value in _TRUE:
                out.append(name)
            elif value in _FALSE:
                out += flags[name].secondary_opts[:1]
            else:
                shown = _shown(flags[name])
                raise click.UsageError(
                    f'invalid argument "{value}" for "{shown}" flag:'
                    f' strconv.ParseBool: parsing "{value}": invalid syntax',
                    click.Context(self, info_name=f"gatewright rego {self.name}"),
                )
        return out

    def _words(self, error: click.UsageError, args: Sequence[str]) -> str:
        if isinstance(error, click.NoSuchOption):
            name = error.option_name
            if name.startswith("--"):
                return f"unknown flag: {name}"
            whole = next((a for a in args if name[1:] in a and a[:1] == "-"), name)
            return f"unknown shorthand flag: '{name[1:]}' in {whole}"
        if isinstance(error, click.BadOptionUsage):
            name = error.option_name
            if name.startswith("--"):
                return f"flag needs an argument: {name}"
            return f"flag needs an argument: '{name[1:]}' in {name}"
        if isinstance(error, click.BadParameter) and error.param is not None:
            return self._bad_value(error, error.param, args)
        return error.message

    def _bad_value(
        self, error: click.BadParameter, param: click.Parameter, args: Sequence[str]
    ) -> str:
        why = error.message
        if isinstance(param.type, click.Choice):
            why = f"must be one of {{{','.join(map(str, param.type.choices))}}}"
        value = ""
        for position, arg in enumerate(args):
            for opt in param.opts:
                if arg == opt and position + 1 < len(args):
                    value = args[position + 1]
                elif arg.startswith(f"{opt}="):
                    value = arg.partition("=")[2]
                elif len(opt) == 2 and arg.startswith(opt) and len(arg) > 2:
                    value = arg[2:]
        return f'invalid argument "{value}" for "{_shown(param)}" flag: {why}'


def _shown(param: click.Parameter) -> str:
    return ", ".join(sorted(param.opts, key=len))


def accepted(
    *names: str, note: str = "Accepted; changes nothing.", **rest: Any
) -> Callable[[F], F]:
    """A flag of opa that has no effect here, or only one legal value."""
    return click.option(*names, expose_value=False, help=note, **rest)


def refused(*names: str, why: str, flag: bool = True) -> Callable[[F], F]:
    """A flag of opa that is known and not carried out: using it is an error."""

    def refuse(_ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value not in (None, False, ()):
            raise FlagError(f"{_shown(param)} is not supported: {why}")

    return click.option(
        *names,
        is_flag=flag,
        default=False if flag else None,
        expose_value=False,
        callback=refuse,
        help=f"Not supported: {why}.",
    )


def print_error(error: object) -> None:
    """Write an error to stderr, as opa does with errors of a run."""
    sys.stdout.flush()
    # Source that is no UTF-8 goes out as the bytes that came in.
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="surrogateescape")
    sys.stderr.write(f"{error}\n")
