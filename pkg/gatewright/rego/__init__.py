"""Rego text in, checked and flattened syntax tree out.

In: source text and its version.  Out: `compiled.Compiled`, the form that the
planner takes.  Mistakes are `errors.RegoErrors` with OPA's codes, places and texts.

The tree:

ast               the nodes
order             the total order of terms
quoting           strings in quotes
printer           nodes to text
copies            deep copies
ast_json          nodes to JSON, as `opa parse` prints it
depth             how deep Python may recurse meanwhile
errors            what is wrong, and where

Text to tree, in order of flow:

source            bytes to characters, positions
tokens            kinds of tokens, keywords
lexer             text to tokens
parser            tokens to modules, bodies, terms: the entry points
parser_cursor     the state of a parse
parser_rules      rules and their heads
parser_bodies     literals of a body
parser_logic      `not`, `and`, `or`
parser_terms      terms and operators
parser_scalars    numbers and strings
parser_constants  statements that are rules in disguise
parser_checks     what v1 demands
annotations       metadata comments
annotation_yaml   the YAML in them

Tree to library, in order of flow:

compiler          modules and queries through the table of stages
stages            the stages
graph             which rules a rule may evaluate
types_algebra     unions, members and order of types
types_env         what is known about documents, functions and variables
types_schema      types from JSON schemas
types_unify       types that variables must have
types_refs        elements that refs may have
types_check       operands, equalities, `in`, `with`
types_errors      what does not fit, in two lines
rule_tree         rules by path
compiled          options, the compiled library, the compiled query
"""
