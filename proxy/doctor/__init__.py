"""Examines a place of uploads from the client's side, through whatever is in front.

    findings   what comes of it: pure values          judge     seen → findings, pure
    products   fronts, by Server and Via, and which of their settings help, pure
    seen       what a check has seen: pure values     report    findings in words, JSON
    patient    one place of uploads: create, append, ask, cancel
    checks     one function per question: what is seen
    examine    all of them in order

It speaks as a client that knows nothing of the proxy but the protocol. The one
invariant: without being told to, it says of no upload that it is complete, and what it
began it cancels.
"""
