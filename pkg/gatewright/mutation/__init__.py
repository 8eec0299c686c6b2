"""Mutators: objects in, the changed object and its JSON Patch out.

Purely functional: nothing here does I/O or changes its arguments.  An object is
plain JSON data (dict, list, str, int, float, bool, None); a mutation copies only
the nodes on the way to a change, so an unchanged part keeps its identity, which
makes both the test "did anything change" and the patch cheap.

In order of flow:

    errors.py      what can be wrong with a mutator, and with applying one
    path.py        the location grammar: text to nodes
    path_tests.py  `pathTests`: conditions on the way to a location
    mutator.py     a mutator resource, read and checked
    setters.py     what each kind does at its location
    traverse.py    walking an object along a location, copying on write
    schema.py      which mutators contradict each other about an object's shape
    system.py      the ordered set of mutators, applied until nothing changes
    patch.py       the difference of two objects as RFC 6902 operations
    documents.py   mutators as edits of objects in native memory: the usual way
    review.py      a mutation request in, its answer out

The behaviour is Gatekeeper 3.23's (package `mutation`), quirks included.
"""
