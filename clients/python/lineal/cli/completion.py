"""`lineal completion`: the script with which a shell completes the command's words."""

import click
from click.shell_completion import get_completion_class

from lineal.cli import terminal

VARIABLE = "_LINEAL_COMPLETE"
"""Set by the scripts: the command then prints completions instead of doing anything."""

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that lets a shell complete commands, options and their values.

    \b
      bash:  echo 'eval "$(lineal completion bash)"' >> ~/.bashrc
      zsh:   echo 'eval "$(lineal completion zsh)"' >> ~/.zshrc
      fish:  lineal completion fish > ~/.config/fish/completions/lineal.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click has all three
    terminal.write(kind(context.find_root().command, {}, "lineal", VARIABLE).source())
