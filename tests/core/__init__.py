"""The pure rules: tables of cases, and random ones against the invariants."""
