"""gatewright completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from gatewright.cli.problems import Problem

__all__ = ["completion"]

SHELLS = ("bash", "fish", "zsh")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    r"""Print the completion script for a shell.

    \b
    bash:  gatewright completion bash > ~/.local/share/bash-completion/completions/gatewright
    zsh:   gatewright completion zsh > "${fpath[1]}/_gatewright"
    fish:  gatewright completion fish > ~/.config/fish/completions/gatewright.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise Problem(f"no completion for {shell}")
    root = context.find_root()
    script = kind(root.command, {}, "gatewright", "_GATEWRIGHT_COMPLETE")
    click.echo(script.source())
