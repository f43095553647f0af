"""The protocol's server rules, asked of any server from outside.

    rules      the table: what each rule says, where, since when, what decides it
    versions   the interop versions, as a client spells them
    exchange   one request and what came of it: pure values
    talk       a request under way
    speaker    one place of uploads in one version: create, append, ask, cancel
    raw        what a decent client never sends
    probes     something is tried; what was said is told
    judging    what was said → where it falls short, pure
    suite      every probe in every version, each judged
    report     the results as a table, JSON, JUnit

Nothing is known of a server but the protocol. The one invariant: only what a draft
demands makes a server fail; what some client needs beyond that is told apart.
"""
