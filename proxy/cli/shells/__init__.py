"""The scripts by which shells complete our commands.

    bash   bash 4 and newer      zsh   zsh's own _arguments      fish   complete -c

Each is made from the tree of commands and stands alone: pressing TAB starts no Python,
and takes no longer than the shell takes. So nothing that only a running proxy or a
spool knows is completed, such as tokens. The one invariant: a word from the tree is
quoted before it is put into a script.
"""
