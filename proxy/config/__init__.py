"""The configuration: one frozen, checked value, from flags, environment and a file.

    quantities, places,  what a single value may look like
      forms
    kinds, section       the types; what groups of keys have in common
    serving, forwarding, the groups: listeners and logs, applications and who is asked
      keeping            first, uploads and their spool
    model, keys          the value itself, the names of its keys
    scalars, layers      text to values; sources, one above the other
    routes               what they have from the top level, and beside each other
    together             what is right alone and wrong beside something else
    document             the file;     environment: the variables
    loading, mistakes    all of it joined and checked; what is wrong, in words
    report, handbook     the other way: YAML for people, JSON Schema, documents

Only ``cli`` and ``app`` import it; every other room is given the values it needs.
"""

from .forwarding import Origin, OriginTls
from .keeping import Limits, Match, Spool, Uploads
from .loading import load
from .mistakes import ConfigError, Mistake
from .model import Config, Route
from .report import effective, schema
from .serving import Admin, Cors, Log, Tls

__all__ = [
    "Admin",
    "Config",
    "ConfigError",
    "Cors",
    "Limits",
    "Log",
    "Match",
    "Mistake",
    "Origin",
    "OriginTls",
    "Route",
    "Spool",
    "Tls",
    "Uploads",
    "effective",
    "load",
    "schema",
]
