"""``valetkey completion``: what a shell needs to complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from valetkey.cli.failure import Failure
from valetkey.cli.option import example
from valetkey.cli.output import write_verbatim

_VARIABLE = "_VALETKEY_COMPLETE"


@click.command(
    "completion",
    epilog=example(
        "valetkey completion bash > ~/.local/share/bash-completion/completions/valetkey",
        "source <(valetkey completion zsh)",
        "valetkey completion fish > ~/.config/fish/completions/valetkey.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell."""
    completion = get_completion_class(shell)
    if completion is None:
        raise Failure(f"There is no completion for {shell}.")
    complete = completion(context.find_root().command, {}, "valetkey", _VARIABLE)
    # Not source(): for bash that starts a bash to ask for its version.
    write_verbatim(complete.source_template % complete.source_vars())
