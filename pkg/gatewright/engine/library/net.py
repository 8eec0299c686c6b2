"""The `net.*` family: CIDR arithmetic as Go's net package reads addresses.

Addresses are integers in IPv6's space, an IPv4 address at its mapped place
(`::ffff:0:0/96`), so a mapped address counts as the IPv4 one.
"""

from __future__ import annotations

import socket
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from gatewright.engine.library.budget import LINE, charge, older, reserve
from gatewright.engine.library.context import Context
from gatewright.engine.library.errors import BuiltinError, OperandError
from gatewright.engine.library.lookups import resolve
from gatewright.engine.library.operands import string
from gatewright.engine.values import Set, Value, is_object, pairs

__all__ = [
    "cidr_contains",
    "cidr_contains_matches",
    "cidr_expand",
    "cidr_intersects",
    "cidr_is_valid",
    "cidr_merge",
    "lookup_ip_addr",
    "read_address",
    "show_address",
]

#: Addresses that `net.cidr_expand` lists at most: a /12 of IPv4.
MAX_EXPANDED: Final = 1 << 20
#: Seconds that a name look-up may take, if the query's deadline is not nearer.
LOOKUP_TIMEOUT: Final = 5.0
_BITS: Final = 128
_MAPPED: Final = 0xFFFF << 32
#: Steps of reading a network or printing an address.
_READ: Final = 8 * LINE
_SHOW: Final = 16 * LINE


@dataclass(frozen=True, slots=True)
class Network:
    """`address` may have host bits; `prefix` counts from IPv6's 128 bits."""

    address: int
    prefix: int

    @property
    def first(self) -> int:
        return self.address >> self._hosts << self._hosts

    @property
    def last(self) -> int:
        return self.first | ((1 << self._hosts) - 1)

    @property
    def _hosts(self) -> int:
        return _BITS - self.prefix

    @property
    def is4(self) -> bool:
        return self.first >> 32 == 0xFFFF

    def covers(self, other: Network) -> bool:
        """Tell whether all of `other` lies in this network, of the same family."""
        return (
            self.is4 == other.is4
            and self.first <= other.first
            and other.last <= self.last
        )

    def __str__(self) -> str:
        prefix = self.prefix - 96 if self.is4 else self.prefix
        return f"{show_address(self.address)}/{prefix}"


def read_address(text: str) -> int | None:
    """Read an address without a zone; None when it is none."""
    if not text.isascii() or "\0" in text:
        return None
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        raw = socket.inet_pton(family, text)
    except OSError:
        return None
    value = int.from_bytes(raw, "big")
    return value if len(raw) == 16 else _MAPPED | value


def show_address(value: int) -> str:
    """Print as Go does: dotted when IPv4, else the longest run of zeros short."""
    if value >> 32 == 0xFFFF:
        return ".".join(str(value >> shift & 0xFF) for shift in (24, 16, 8, 0))
    groups = [value >> shift & 0xFFFF for shift in range(112, -1, -16)]
    start, length = 0, 0
    at = 0
    while at < 8:
        end = at
        while end < 8 and not groups[end]:
            end += 1
        if end - at > length:
            start, length = at, end - at
        at = end + 1
    if length < 2:
        return ":".join(f"{group:x}" for group in groups)
    head = ":".join(f"{group:x}" for group in groups[:start])
    tail = ":".join(f"{group:x}" for group in groups[start + length :])
    return f"{head}::{tail}"


def _read_network(text: str) -> Network | None:
    host, slash, mask = text.rpartition("/")
    address = read_address(host) if slash else None
    if address is None or not mask.isdigit() or not mask.isascii() or len(mask) > 6:
        return None
    prefix, size = int(mask), 128 if ":" in host else 32
    if prefix > size:
        return None
    prefix += _BITS - size
    return Network(address >> (_BITS - prefix) << (_BITS - prefix), prefix)


def _network(text: str) -> Network:
    found = _read_network(text)
    if found is None:
        raise BuiltinError(f"invalid CIDR address: {text}")
    return found


def _network_or_address(text: str) -> Network:
    address = read_address(text)
    found = _read_network(text) if address is None else Network(address, _BITS)
    if found is None:
        raise BuiltinError(
            f"not a valid textual representation of an IP address or CIDR: {text}"
        )
    return found


def cidr_contains(cidr: Value, other: Value) -> bool:
    """Tell whether a network holds an address or all of a second network."""
    network = _network(
        string(cidr, 1)
    )  # read before the kind of the other is looked at
    inner = _network_or_address(string(other, 1))
    return network.covers(inner) and not (older() and _lost(inner.first, inner.last))


def _lost(first: int, last: int) -> bool:
    """Whether OPA 1.17 finds a network in none, its last address being an IPv4 one."""
    return last >> 32 == 0xFFFF != first >> 32


def cidr_intersects(first: Value, second: Value) -> bool:
    """Tell whether two networks share an address."""
    # Both are operand 1 to OPA.
    left, right = _network(string(first, 1)), _network(string(second, 1))
    return left.covers(right) or right.covers(left)


def cidr_is_valid(cidr: Value) -> bool:
    """Tell whether the operand is a string in CIDR notation."""
    return isinstance(cidr, str) and _read_network(cidr) is not None


def cidr_expand(cidr: Value) -> Set:
    """Return every address of a network."""
    network = _network(string(cidr, 1))
    if network.last - network.first >= MAX_EXPANDED:
        raise BuiltinError(
            f"{cidr} has more than {MAX_EXPANDED} addresses, the most that are listed"
        )
    count = network.last - network.first + 1
    charge(count * _SHOW)
    reserve(count * 64)
    return Set(map(show_address, range(network.first, network.last + 1)))


def cidr_contains_matches(cidrs: Value, others: Value) -> Set:
    """Return (index, index) of every network and address or network in it.

    An index is the place in an array, the member of a set, the key of an object, or
    the string itself.
    """
    left, right = _members(cidrs), _members(others)
    covered = _Covered(right)
    found: list[Value] = []
    try:
        for index, element in left if right else ():
            network = _network(_text(element, 1))
            found += [[index, key] for key in covered.within(network)]
    except (BuiltinError, OperandError):
        # OPA compares pair by pair, so this may not be what it meets first.
        _fail_in_order(left, right)
        raise
    if not right:
        for _, element in left:
            _first(element, 1)
    return Set(found)


def _fail_in_order(
    left: list[tuple[Value, Value]], right: list[tuple[Value, Value]]
) -> None:
    for _, element in left:
        cidr = _first(element, 1)
        for _, other in right:
            text = _first(other, 2)
            charge(_READ)
            _network(string(cidr, 1))
            _network_or_address(string(text, 1))


class _Covered:
    """Addresses and networks by where they begin: those that a network covers lie
    in one run of them, sorted, the shorter ones that begin there too left out."""

    def __init__(self, members: list[tuple[Value, Value]]) -> None:
        # One that cannot be read fails when it is first compared, as in OPA.
        self.entries = members
        self._sorted: list[tuple[int, int, Value]] | None = None

    def within(self, network: Network) -> Iterator[Value]:
        if self._sorted is None:
            charge(len(self.entries) * _READ)
            read = [
                (key, _network_or_address(_text(element, 2)))
                for key, element in self.entries
            ]
            self._sorted = sorted(
                ((one.first, one.last, key) for key, one in read),
                key=itemgetter(0),
            )
        first, last, is4 = network.first, network.last, network.is4
        at = bisect_left(self._sorted, first, key=itemgetter(0))
        end = bisect_right(self._sorted, last, key=itemgetter(0))
        charge(_READ + (end - at) * LINE)
        for low, high, key in self._sorted[at:end]:
            if older() and _lost(low, high):
                continue
            if high <= last and (low >> 32 == 0xFFFF) == is4:
                reserve(128)
                yield key


def _members(operand: Value) -> list[tuple[Value, Value]]:
    """Index and element; a string is its own element."""
    if isinstance(operand, str):
        return [(operand, operand)]
    if isinstance(operand, list):
        return list(enumerate(operand))
    if isinstance(operand, Set):
        return [(item, item) for item in operand.items]
    return list(pairs(operand)) if is_object(operand) else []


def _first(element: Value, position: int) -> Value:
    """What is read of an element: itself, or the first one of an array."""
    if isinstance(element, list) and element:
        return element[0]
    if isinstance(element, str):
        return element
    raise BuiltinError(f"operand {position}: element must be string or non-empty array")


def _text(element: Value, position: int) -> str:
    return string(_first(element, position), 1)


def cidr_merge(addresses: Value) -> Set:
    """Return the smallest list of networks that hold the same addresses.

    A bare IPv4 address stands for the network of its historical class.
    """
    if isinstance(addresses, list):
        items = addresses
    elif isinstance(addresses, Set):
        items = list(addresses.items)
    else:
        raise BuiltinError("operand must be an array")
    charge(len(items) * (_READ + 3 * LINE))
    networks = [_mergeable(item) for item in items]
    ranges: list[tuple[int, int, Network | None]] = [
        (network.first, network.last, network) for network in networks
    ]
    ranges.sort(key=lambda entry: (entry[1], entry[0]))
    merged: list[tuple[int, int, Network | None]] = []
    for entry in reversed(ranges):
        if merged and merged[-1][0] - 1 <= entry[1]:
            first, last, _ = merged[-1]
            merged[-1] = (min(first, entry[0]), last, None)
        else:
            merged.append(entry)
    out: list[str] = []
    for first, last, network in reversed(merged):
        charge(_SHOW)
        out += [str(network)] if network else map(str, _cover(first, last))
    return Set(out)


def _mergeable(item: Value) -> Network:
    if not isinstance(item, str):
        raise BuiltinError("element must be string")
    address = read_address(item)
    if address is None:
        return _network(item)
    if address >> 32 != 0xFFFF:
        raise BuiltinError("IPv6 invalid: needs prefix length")
    lead = address >> 24 & 0xFF
    prefix = 8 if lead < 128 else 16 if lead < 192 else 24
    return Network(address, 96 + prefix)


def _cover(first: int, last: int) -> Iterator[Network]:
    """Yield the networks that make up a range of addresses."""
    while first <= last:
        charge(_SHOW)
        hosts = (first & -first).bit_length() - 1 if first else _BITS
        hosts = min(hosts, (last - first + 1).bit_length() - 1)
        yield Network(first, _BITS - hosts)
        first += 1 << hosts


def lookup_ip_addr(ctx: Context, name: Value) -> Set:
    """Return the addresses of a host; a literal address is its own."""
    host = string(name, 1)
    if read_address(host.partition("%")[0]) is not None:
        return Set([host])
    if not ctx.http.enabled:
        raise BuiltinError("name look-ups are turned off")
    if not ctx.http.admits(host):
        raise BuiltinError(f"disallowed host: {host}")
    key = ("net.lookup_ip_addr", host)
    if key not in ctx.memory:
        ctx.memory[key] = _look_up(host)
    found: Set = ctx.memory[key]
    return found


def _look_up(host: str) -> Set:
    try:
        answers = resolve(host or "\n", None, timeout=LOOKUP_TIMEOUT)
    except TimeoutError as error:
        raise BuiltinError(f"lookup {host}: i/o timeout") from error
    except (OSError, UnicodeError) as error:
        raise BuiltinError(f"lookup {host}: no such host") from error
    return Set([str(answer[4][0]) for answer in answers])
