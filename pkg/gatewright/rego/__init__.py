"""Rego text in, checked syntax tree out."""
