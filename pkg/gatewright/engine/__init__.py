"""Modules in, immutable policy out; policy and input in, result out.

values      the Python form of Rego's values
documents   values that stay in the evaluator's memory
library/    builtins that Python carries out
binding     what the native evaluator is told of them
limits      what an evaluation may use
errors      how it ends without a value
policy      compile_policy -> Policy: evaluate, prepare_query
loading     files, folders and bundles -> modules and base data
prints      where the lines of print() go
testing     modules -> Suite -> the outcome of each unit test
reviews     LibraryBuilder -> bytes -> Library -> Reviewer: what serves admission
"""
