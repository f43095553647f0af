"""The documents as a site: drawn, gathered, built by zensical, and checked.

``python -m handbook`` builds ``docs/`` into ``build/site``, and
``python -m handbook.states`` draws ``docs/states.svg``. The documents themselves
are plain Markdown that reads well where the repository is browsed; what a site needs
beyond that is made here. The one invariant: a site that was built has no link that
leads nowhere, and asks no other machine for anything.
"""
