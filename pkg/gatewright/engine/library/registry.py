"""Which builtin is which Python function.

A family's module is imported when one of its builtins is first asked for, so a
policy that signs nothing never loads cryptography.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from importlib import import_module
from typing import Any, Final

from gatewright.engine.library.budget import charge

__all__ = ["IMPLEMENTATIONS", "NEEDS_CONTEXT", "implementation"]

#: builtin -> module.function under gatewright.engine.library
_FUNCTIONS: Final[Mapping[str, str]] = {
    "base64.decode": "encoding.base64_decode",
    "base64.encode": "encoding.base64_encode",
    "base64.is_valid": "encoding.base64_is_valid",
    "base64url.decode": "encoding.base64url_decode",
    "base64url.encode": "encoding.base64url_encode",
    "base64url.encode_no_pad": "encoding.base64url_encode_no_pad",
    "bits.and": "bits.and_",
    "bits.lsh": "bits.lsh",
    "bits.negate": "bits.negate",
    "bits.or": "bits.or_",
    "bits.rsh": "bits.rsh",
    "bits.xor": "bits.xor",
    "crypto.hmac.equal": "digests.hmac_equal",
    "crypto.hmac.md5": "digests.hmac_md5",
    "crypto.hmac.sha1": "digests.hmac_sha1",
    "crypto.hmac.sha256": "digests.hmac_sha256",
    "crypto.hmac.sha512": "digests.hmac_sha512",
    "crypto.md5": "digests.md5",
    "crypto.parse_private_keys": "x509.parse_private_keys",
    "crypto.sha1": "digests.sha1",
    "crypto.sha256": "digests.sha256",
    "crypto.x509.parse_and_verify_certificates": "x509.parse_and_verify_certificates",
    "crypto.x509.parse_and_verify_certificates_with_options": "x509.parse_and_verify_certificates_with_options",
    "crypto.x509.parse_certificate_request": "x509.parse_certificate_request",
    "crypto.x509.parse_certificates": "x509.parse_certificates",
    "crypto.x509.parse_keypair": "x509.parse_keypair",
    "crypto.x509.parse_rsa_private_key": "x509.parse_rsa_private_key",
    "glob.match": "glob.match",
    "glob.quote_meta": "glob.quote_glob",
    "graph.reachable": "graphs.reachable",
    "graph.reachable_paths": "graphs.reachable_paths",
    "graphql.is_valid": "graphql.is_valid",
    "graphql.parse": "graphql.parse",
    "graphql.parse_and_verify": "graphql.parse_and_verify",
    "graphql.parse_query": "graphql.query_tree",
    "graphql.parse_schema": "graphql.schema_tree",
    "graphql.schema_is_valid": "graphql.schema_is_valid",
    "hex.decode": "encoding.hex_decode",
    "hex.encode": "encoding.hex_encode",
    "http.send": "http.send",
    "indexof_n": "strings.indexof_n",
    "io.jwt.decode": "jwt.decode",
    "io.jwt.decode_verify": "jwt.decode_verify",
    "io.jwt.encode_sign": "jwt.encode_sign",
    "io.jwt.encode_sign_raw": "jwt.encode_sign_raw",
    "io.jwt.verify_eddsa": "jwt.verify_eddsa",
    "io.jwt.verify_es256": "jwt.verify_es256",
    "io.jwt.verify_es384": "jwt.verify_es384",
    "io.jwt.verify_es512": "jwt.verify_es512",
    "io.jwt.verify_hs256": "jwt.verify_hs256",
    "io.jwt.verify_hs384": "jwt.verify_hs384",
    "io.jwt.verify_hs512": "jwt.verify_hs512",
    "io.jwt.verify_ps256": "jwt.verify_ps256",
    "io.jwt.verify_ps384": "jwt.verify_ps384",
    "io.jwt.verify_ps512": "jwt.verify_ps512",
    "io.jwt.verify_rs256": "jwt.verify_rs256",
    "io.jwt.verify_rs384": "jwt.verify_rs384",
    "io.jwt.verify_rs512": "jwt.verify_rs512",
    "json.filter": "paths.filter_",
    "json.marshal_with_options": "strings.marshal_with_options",
    "json.match_schema": "schemas.match_schema",
    "json.patch": "patches.patch",
    "json.remove": "paths.remove",
    "json.verify_schema": "schemas.verify_schema",
    "net.cidr_contains": "net.cidr_contains",
    "net.cidr_contains_matches": "net.cidr_contains_matches",
    "net.cidr_expand": "net.cidr_expand",
    "net.cidr_intersects": "net.cidr_intersects",
    "net.cidr_is_valid": "net.cidr_is_valid",
    "net.cidr_merge": "net.cidr_merge",
    "net.cidr_overlap": "net.cidr_contains",
    "net.lookup_ip_addr": "net.lookup_ip_addr",
    "numbers.range_step": "bits.range_step",
    "opa.runtime": "runtime.runtime",
    "providers.aws.sign_req": "aws.sign_req",
    "rand.intn": "bits.intn",
    "re_match": "regex.match",
    "regex.find_all_string_submatch_n": "regex.find_all_string_submatch_n",
    "regex.find_n": "regex.find_n",
    "regex.globs_match": "regex.globs_match",
    "regex.is_valid": "regex.is_valid",
    "regex.match": "regex.match",
    "regex.replace": "regex.replace",
    "regex.split": "regex.split",
    "regex.template_match": "regex.template_match",
    "rego.metadata.chain": "runtime.metadata_chain",
    "rego.metadata.rule": "runtime.metadata_rule",
    "rego.parse_module": "runtime.parse_module",
    "semver.compare": "semver.compare",
    "semver.is_valid": "semver.is_valid",
    "strings.render_template": "templates.render_template",
    "strings.split_n": "strings.split_n",
    "time.add_date": "times.add_date",
    "time.clock": "times.clock",
    "time.date": "times.date",
    "time.diff": "times.diff",
    "time.format": "times.format_ns",
    "time.now_ns": "times.now_ns",
    "time.parse_duration_ns": "times.parse_duration_ns",
    "time.parse_ns": "times.parse_ns",
    "time.parse_rfc3339_ns": "times.parse_rfc3339_ns",
    "time.weekday": "times.weekday",
    "units.parse": "units.parse",
    "units.parse_bytes": "units.parse_bytes",
    "uri.is_valid": "urls.is_valid",
    "uri.parse": "urls.parse",
    "urlquery.decode": "encoding.query_decode",
    "urlquery.decode_object": "encoding.query_decode_object",
    "urlquery.encode": "encoding.query_encode",
    "urlquery.encode_object": "encoding.query_encode_object",
    "uuid.parse": "uuids.parse",
    "uuid.rfc4122": "uuids.rfc4122",
    "yaml.is_valid": "yamls.is_valid",
    "yaml.marshal": "yamls.marshal",
    "yaml.unmarshal": "yamls.unmarshal",
}

#: Builtins whose function takes a `Context` before the operands.
NEEDS_CONTEXT: Final[frozenset[str]] = frozenset(
    {
        "crypto.x509.parse_and_verify_certificates",
        "crypto.x509.parse_and_verify_certificates_with_options",
        "http.send",
        "io.jwt.decode_verify",
        "net.lookup_ip_addr",
        "opa.runtime",
        "rand.intn",
        "time.now_ns",
        "uuid.rfc4122",
    }
)


#: Steps for each character of a text operand, of builtins that read texts in Python
#: one character at a time. What grows faster than its operands charges for itself.
_PER_CHARACTER: Final[Mapping[str, int]] = {
    "base64.decode": 25,
    "base64.is_valid": 25,
    "base64url.decode": 25,
    "glob.match": 10,
    "glob.quote_meta": 15,
    "graphql.is_valid": 50,
    "graphql.parse": 50,
    "graphql.parse_and_verify": 50,
    "graphql.parse_query": 50,
    "graphql.parse_schema": 50,
    "graphql.schema_is_valid": 50,
    "hex.decode": 15,
    "io.jwt.decode": 25,
    "io.jwt.decode_verify": 25,
    "regex.globs_match": 100,
    "regex.template_match": 50,
    "rego.parse_module": 5000,
    "semver.compare": 50,
    "semver.is_valid": 50,
    "strings.render_template": 50,
    "time.format": 600,
    "time.parse_duration_ns": 100,
    "time.parse_ns": 600,
    "uri.is_valid": 150,
    "uri.parse": 150,
    "urlquery.decode": 150,
    "urlquery.decode_object": 150,
    "urlquery.encode": 150,
    "yaml.is_valid": 20,
    "yaml.unmarshal": 20,
}


def _charged(function: Callable[..., Any], steps: int) -> Callable[..., Any]:
    @wraps(function)
    def charging(*operands: Any) -> Any:
        charge(steps * sum(_characters(operand) for operand in operands))
        return function(*operands)

    return charging


def _characters(operand: Any) -> int:
    if isinstance(operand, str):
        return len(operand)
    # A moment's zone and layout lie in an array
    if isinstance(operand, list) and len(operand) <= 3:
        return sum(len(item) for item in operand if isinstance(item, str))
    return 0


class _Implementations(Mapping[str, Callable[..., Any]]):
    """A mapping that imports on access."""

    def __init__(self) -> None:
        self._loaded: dict[str, Callable[..., Any]] = {}

    def __getitem__(self, name: str) -> Callable[..., Any]:
        found = self._loaded.get(name)
        if found is None:
            module, _, function = _FUNCTIONS[name].rpartition(".")
            loaded = import_module(f"gatewright.engine.library.{module}")
            found = getattr(loaded, function)
            if name in _PER_CHARACTER:
                found = _charged(found, _PER_CHARACTER[name])
            self._loaded[name] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_FUNCTIONS)

    def __len__(self) -> int:
        return len(_FUNCTIONS)

    def __contains__(self, name: object) -> bool:
        return name in _FUNCTIONS


#: builtin -> function(*operands), or function(context, *operands) for
#: `NEEDS_CONTEXT`. It returns a value or UNDEFINED; it raises BuiltinError or
#: OperandError (library/errors.py).
IMPLEMENTATIONS: Final[Mapping[str, Callable[..., Any]]] = _Implementations()


def implementation(name: str) -> Callable[..., Any]:
    """Return the function of a builtin; KeyError when Python has none."""
    return IMPLEMENTATIONS[name]
