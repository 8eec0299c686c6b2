# cython: cdivision=True
"""The table of native built-ins, by OPA's names."""

from libc.string cimport memcmp, strlen

from gatewright._native.convert cimport raise_error, to_python, to_word
from gatewright._native.document cimport Arena
from gatewright._native.lib_case cimport *
from gatewright._native.lib_collections cimport *
from gatewright._native.lib_format cimport *
from gatewright._native.lib_numbers cimport *
from gatewright._native.lib_join cimport *
from gatewright._native.lib_objects cimport *
from gatewright._native.lib_sprintf cimport *
from gatewright._native.lib_regex cimport *
from gatewright._native.lib_text cimport *
from gatewright._native.value cimport (
    E_BUILTIN, E_CONFLICT, E_NONE, E_TYPE, UNDEFINED, ErrorKind, Word,
)

ctypedef struct Entry:
    const char* name
    size_t size
    int arity
    BuiltinFn function

cdef enum:
    ROOM = 160

cdef Entry table[ROOM]
cdef int count = 0


cdef void add(const char* name, int arity, BuiltinFn function):
    global count
    assert count < ROOM
    table[count].name = name
    table[count].size = strlen(name)
    table[count].arity = arity
    table[count].function = function
    count += 1


cdef Entry* find_entry(const char* name, size_t size) noexcept nogil:
    # Only when a program is loaded: a scan will do
    cdef int i
    for i in range(count):
        if table[i].size == size and memcmp(table[i].name, name, size) == 0:
            return &table[i]
    return NULL


cdef BuiltinFn find_builtin(const char* name, size_t size) noexcept nogil:
    cdef Entry* entry = find_entry(name, size)
    return entry.function if entry != NULL else NULL


cdef int builtin_arity(const char* name, size_t size) noexcept nogil:
    cdef Entry* entry = find_entry(name, size)
    return entry.arity if entry != NULL else -1


add("plus", 2, lib_plus)
add("minus", 2, lib_minus)
add("mul", 2, lib_mul)
add("div", 2, lib_div)
add("rem", 2, lib_rem)
add("abs", 1, lib_abs)
add("ceil", 1, lib_ceil)
add("floor", 1, lib_floor)
add("round", 1, lib_round)
add("numbers.range", 2, lib_range)
add("numbers.range_step", 3, lib_range_step)
add("equal", 2, lib_equal)
add("eq", 2, lib_equal)
add("neq", 2, lib_neq)
add("lt", 2, lib_lt)
add("lte", 2, lib_lte)
add("gt", 2, lib_gt)
add("gte", 2, lib_gte)
add("type_name", 1, lib_type_name)
add("is_array", 1, lib_is_array)
add("is_boolean", 1, lib_is_boolean)
add("is_null", 1, lib_is_null)
add("is_number", 1, lib_is_number)
add("is_object", 1, lib_is_object)
add("is_set", 1, lib_is_set)
add("is_string", 1, lib_is_string)
add("to_number", 1, lib_to_number)
add("cast_array", 1, lib_cast_array)
add("cast_set", 1, lib_cast_set)
add("cast_string", 1, lib_cast_string)
add("cast_boolean", 1, lib_cast_boolean)
add("cast_null", 1, lib_cast_null)
add("cast_object", 1, lib_cast_object)
add("trace", 1, lib_trace)

add("internal.member_2", 2, lib_member_2)
add("internal.member_3", 3, lib_member_3)
add("internal.matching", 3, lib_matching)
add("internal.matching_keys", 3, lib_matching_keys)
add("count", 1, lib_count)
add("sum", 1, lib_sum)
add("product", 1, lib_product)
add("max", 1, lib_max)
add("min", 1, lib_min)
add("sort", 1, lib_sort)
add("all", 1, lib_all)
add("any", 1, lib_any)
add("array.concat", 2, lib_array_concat)
add("array.slice", 3, lib_array_slice)
add("array.reverse", 1, lib_array_reverse)
add("array.flatten", 1, lib_array_flatten)
add("and", 2, lib_and)
add("or", 2, lib_or)
add("set_diff", 2, lib_set_diff)
add("intersection", 1, lib_intersection)
add("union", 1, lib_union)
add("object.get", 3, lib_object_get)
add("object.keys", 1, lib_object_keys)
add("object.remove", 2, lib_object_remove)
add("object.filter", 2, lib_object_filter)
add("object.union", 2, lib_object_union)
add("object.union_n", 1, lib_object_union_n)
add("object.subset", 2, lib_object_subset)
add("walk", 1, lib_walk)

add("concat", 2, lib_concat)
add("contains", 2, lib_contains)
add("startswith", 2, lib_startswith)
add("endswith", 2, lib_endswith)
add("lower", 1, lib_lower)
add("upper", 1, lib_upper)
add("split", 2, lib_split)
add("strings.split_n", 3, lib_split_n)
add("replace", 3, lib_replace)
add("substring", 3, lib_substring)
add("indexof", 2, lib_indexof)
add("indexof_n", 2, lib_indexof_n)
add("trim", 2, lib_trim)
add("trim_left", 2, lib_trim_left)
add("trim_right", 2, lib_trim_right)
add("trim_prefix", 2, lib_trim_prefix)
add("trim_suffix", 2, lib_trim_suffix)
add("trim_space", 1, lib_trim_space)
add("strings.any_prefix_match", 2, lib_any_prefix_match)
add("strings.any_suffix_match", 2, lib_any_suffix_match)
add("regex.match", 2, lib_regex_match)
add("strings.reverse", 1, lib_strings_reverse)
add("strings.count", 2, lib_strings_count)
add("strings.replace_n", 2, lib_replace_n)

add("sprintf", 2, lib_sprintf)
add("internal.template_string", 1, lib_template_string)
add("format_int", 2, lib_format_int)
add("json.marshal", 1, lib_json_marshal)
add("json.unmarshal", 1, lib_json_unmarshal)
add("json.is_valid", 1, lib_json_is_valid)


# For Python ------------------------------------------------------------------

class BuiltinError(Exception):
    """An error of a built-in: OPA's code and text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def builtin_names() -> frozenset:
    """The names of the built-ins that are native."""
    return frozenset([table[i].name.decode("ascii") for i in range(count)])


def call(name: str, *args):
    """Calls a native built-in on values in Python form; UNDEFINED when it is undefined.

    Raises BuiltinError with OPA's text, KeyError when there is no such built-in.
    """
    cdef Arena arena = Arena()
    cdef Word words[8]
    cdef Word out
    cdef Entry* entry
    cdef ErrorKind kind
    cdef int n
    encoded = name.encode()
    entry = find_entry(encoded, len(encoded))
    if entry == NULL:
        raise KeyError(name)
    if len(args) != entry.arity:
        raise TypeError(f"{name} takes {entry.arity} operands")
    for i, value in enumerate(args):
        words[i] = to_word(&arena.heap, value)
    n = entry.arity
    with nogil:
        out = entry.function(&arena.heap, words, n)
    kind = arena.heap.error
    if out == UNDEFINED and kind != E_NONE:
        if kind == E_TYPE or kind == E_BUILTIN or kind == E_CONFLICT:
            message = (<bytes>arena.heap.message).decode("utf-8", "replace")
            raise BuiltinError(
                "eval_type_error" if kind == E_TYPE
                else "eval_builtin_error" if kind == E_BUILTIN
                else "eval_conflict_error",
                message,
            )
        raise_error(&arena.heap)
    return to_python(out)
