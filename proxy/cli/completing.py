"""The command that teaches shells: ``completion``."""

from __future__ import annotations

from typing import Annotated, Literal

import typer


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"],
        typer.Argument(metavar="bash|zsh|fish", help="The shell that is to complete."),
    ],
) -> None:
    """Print a script by which a shell completes commands, options and files.

    The script stands alone: completing starts no Python. Print it again after an
    upgrade.

    \b
    Examples:
      source <(upload-proxy completion bash)
      upload-proxy completion bash > /etc/bash_completion.d/upload-proxy
      upload-proxy completion zsh > /usr/local/share/zsh/site-functions/_upload-proxy
      upload-proxy completion fish > ~/.config/fish/completions/upload-proxy.fish

    Exit codes: 0 done, 2 wrong usage.
    """
    from proxy.cli import app
    from proxy.cli.shells import bash, fish, zsh
    from proxy.cli.tree import tree

    program = tree(app)
    scripts = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script}
    typer.echo(scripts[shell](program), nl=False)
