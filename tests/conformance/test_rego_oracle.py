"""The language part of OPA's evaluation cases, by way of plans and the oracle.

The oracle has few builtins, so this judges front end and planner; the same cases
run on the native engine elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from tests.conformance.rego_cases import read_cases, read_known, run
from tests.needs import require_conformance
from tests.oracle.evaluate import evaluate_case

TEXT = """
    assignments baseandvirtualdocs comparisonexpr completedoc compositebasedereference
    compositereferences comprehensions containskeyword dataderef defaultkeyword
    disjunction elsekeyword embeddedvirtualdoc eqexpr evaltermexpr every example fix1863
    functionerrors functions helloworld indexing indirectreferences inputvalues
    intersection keywordrefs logic_operators negation nestedreferences
    partialdocconstants partialiter partialobjectdoc partialsetdoc planner-ir refheads
    regometadatachain regometadatarule sets stringinterpolation
    topdowndynamicdispatch type undos union varreferences virtualdocs withkeyword
"""
CATEGORIES = frozenset(TEXT.split())
KNOWN = Path(__file__).parent / "rego_oracle_known.txt"


def test_language_cases() -> None:
    folder = require_conformance("rego")
    known = read_known(KNOWN)
    outcome = run(read_cases(folder, CATEGORIES), evaluate_case)
    print(outcome.report())
    found = outcome.failures | outcome.left_out
    wrong = {key: text for key, text in found.items() if key not in known}
    assert not wrong, "\n".join(f"{key} {text}" for key, text in wrong.items())
    assert not known.keys() - found.keys(), "listed as failing, but passing"
