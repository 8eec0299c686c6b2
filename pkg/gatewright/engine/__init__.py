"""Modules in, immutable policy out; policy and input in, result out."""
