"""What becomes of the steps of a search: coverage, profiles, explanations.

Each is a listener of `gatewright.engine.search`, so any of them share one run.

    query      a query that is searched: solutions in the form of PreparedQuery
    coverage   which places were evaluated
    profile    how often, and for how long
    recorder   every step, kept; and the ones that matter
    text       kept steps as OPA prints them
    document   kept steps as JSON
"""
