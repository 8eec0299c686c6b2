"""Builtins that Python carries out, one family a file.

registry    which builtin is which function; imported on first use
context     what a nondeterministic builtin knows of its query
errors      how a call fails: BuiltinError, OperandError
budget      what a call may still take: steps, memory, time
operands    reading operands, with OPA's texts
runtime     what the engine tells of itself

Values as text, as keys, by path: gotext, jsontext, keys, paths, edits, patches.

YAML, from bytes to values: yaml_input, yaml_cursor, yaml_scalars, yaml_words,
yaml_scanner, yaml_parser, yaml_nodes, yaml_tags, yaml_values; yamls, which prints it with
yamlorder and yaml_printer.

Patterns: re2, runes, dfa (patterns as tables for the evaluator), regex_hooks (its door to
them), regex, glob, gobwas with gobwas_syntax and gobwas_matchers (as before), globs.

Time: civil, layouts, durations, times.

Numbers, texts, graphs: bits, units, semver, uuids, strings, graphs.

Addresses and requests: addresses, net, lookups, urls, http, http_cache, http_transport, aws.

Encodings, digests and trust: encoding, digests, jwt, pem, signatures, asn1, ec_keys, x509,
x509_names, x509_limits, x509_verify.

Languages: schemas with schema_check, schema_references, schema_numbers, schema_validation,
formats and emails (JSON Schema); graphql with
graphql_lexer, graphql_parser, graphql_prelude, graphql_schema, graphql_query, graphql_values,
graphql_fragments, graphql_overlaps and graphql_hints; templates with
template_tokens, template_numbers, template_nodes, template_syntax, template_values, and
gofmt (Go's fmt over them).
"""
