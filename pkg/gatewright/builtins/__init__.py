"""Declarations of the builtins of Rego: data, no code."""
