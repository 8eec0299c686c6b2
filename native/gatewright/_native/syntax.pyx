"""Walks over the syntax tree: children, search, and the names of variables.

A tree is of Python objects; what a node's type holds is read where its slots lie, by
a table that whoever owns the tree gives once.  In Python, walks were a sixth of all
compiling, and found nothing most of the time.

Nothing here recurses: a tree is as deep as the parser lets it be.
"""

cimport cython
from cpython.object cimport PyObject
from gatewright._native.slots cimport offset_of, read
from libc.stdint cimport uint64_t

cdef extern from *:
    """
    static inline PyObject *gw_shape(PyObject *table, PyObject *node) {
        return PyDict_GetItemWithError(table, (PyObject *)Py_TYPE(node));
    }
    """
    PyObject* gw_shape(dict table, object node) except? NULL


cdef enum Role:
    PLAIN
    SCALAR
    STRING
    VAR
    REF
    ARRAY
    SET
    OBJECT
    CALL
    COMPREHENSION
    TEMPLATE
    EVERY
    LOGICAL
    EXPR
    WITH
    LIST
    # Not among what `names` goes into.
    HEAD


cdef dict ROLES = {
    "plain": PLAIN,
    "scalar": SCALAR,
    "string": STRING,
    "var": VAR,
    "ref": REF,
    "array": ARRAY,
    "set": SET,
    "object": OBJECT,
    "call": CALL,
    "comprehension": COMPREHENSION,
    "template": TEMPLATE,
    "every": EVERY,
    "logical": LOGICAL,
    "expr": EXPR,
    "with": WITH,
    "head": HEAD,
}


cdef enum Names:
    REF_HEAD = 1
    CALL_HEAD = 2
    CLOSURES = 4
    SETS = 8
    OBJECT_KEYS = 16


@cython.final
cdef class _Shape:
    # What a type of nodes holds: offsets of slots, in order. Where `instead` is not
    # 0 and what lies there is not None, it counts in place of the first slot.
    cdef Role role
    cdef uint64_t bit
    cdef int count
    cdef Py_ssize_t slots[4]
    cdef Py_ssize_t instead


cdef inline int push(list stack, object value) except -1:
    # A slot's nodes, last one first: the stack gives them back in order.
    cdef Py_ssize_t i
    cdef object item
    if value is None:
        return 0
    if type(value) is not list:
        stack.append(value)
        return 0
    for i in range(len(<list>value) - 1, -1, -1):
        item = (<list>value)[i]
        if type(item) is tuple:
            stack.append((<tuple>item)[1])
            stack.append((<tuple>item)[0])
        else:
            stack.append(item)
    return 0


cdef inline int push_from(list stack, object value, Py_ssize_t start) except -1:
    # The items of a list from some place on.
    cdef Py_ssize_t i
    for i in range(start, len(<list?>value)):
        stack.append((<list>value)[i])
    return 0


@cython.final
cdef class Shapes:
    """What the nodes of a tree hold, and walks by it."""

    cdef dict table

    def __init__(self, shapes):
        """`shapes` maps types to their role and the names of the slots with nodes: a
        node, None, a list of nodes, or of pairs of them. `a|b` stands for the slot
        `a`, or `b` where that is None. Raises TypeError for what is no slot."""
        cdef _Shape shape
        cdef Py_ssize_t i
        self.table = {}
        if len(shapes) > 62:
            raise ValueError("too many types")
        for i, (kind, (role, names)) in enumerate(shapes.items()):
            shape = _Shape.__new__(_Shape)
            shape.role = ROLES[role]
            shape.bit = <uint64_t>1 << i
            if len(names) > 4:
                raise ValueError("too many slots")
            for name in names:
                first, _, second = name.partition("|")
                if second:
                    if shape.count:
                        raise ValueError("only the first slot may have a stand-in")
                    shape.instead = offset_of(kind, first)
                    first = second
                shape.slots[shape.count] = offset_of(kind, first)
                shape.count += 1
            self.table[kind] = shape
        shape = _Shape.__new__(_Shape)
        shape.role = LIST
        self.table[list] = shape

    def mask(self, kinds):
        """Types of nodes, as the walks take them. Raises KeyError for others."""
        cdef uint64_t bits = 0
        for kind in kinds:
            bits |= (<_Shape?>self.table[kind]).bit
        return bits

    cdef inline _Shape of(self, object node):
        cdef PyObject* found = gw_shape(self.table, node)
        return None if found is NULL else <_Shape>found

    cdef inline int below(self, object node, _Shape shape, list stack) except -1:
        # Puts the children of a node on a stack, the first one on top.
        cdef int i
        if shape.role == LIST:
            return push(stack, node)
        if shape.role == VAR or shape.role == STRING:
            return 0
        for i in range(shape.count - 1, 0, -1):
            push(stack, read(node, shape.slots[i]))
        if shape.count:
            if shape.instead:
                value = read(node, shape.instead)
                if value is not None:
                    return push(stack, value)
            push(stack, read(node, shape.slots[0]))
        return 0

    def children(self, node):
        """The nodes directly below, in order, as a new list."""
        cdef list stack = []
        cdef _Shape shape = self.of(node)
        if shape is not None:
            self.below(node, shape, stack)
            stack.reverse()
        return stack

    def walk(self, node, visit):
        """Calls `visit` on the node and everything below, parents first; a true
        answer keeps the walk from going below that node."""
        cdef list stack = [node]
        cdef _Shape shape
        while stack:
            item = stack.pop()
            if visit(item):
                continue
            shape = self.of(item)
            if shape is not None:
                self.below(item, shape, stack)

    def found(self, uint64_t mask, bint outermost, node):
        """The nodes of these types at and below a node, parents first.

        `outermost`: without those that are below another one. The node comes last, so
        that what is asked for may be bound before."""
        cdef list stack = [node]
        cdef list out = []
        cdef _Shape shape
        while stack:
            item = stack.pop()
            shape = self.of(item)
            if shape is None:
                continue
            if shape.bit & mask:
                out.append(item)
                if outermost:
                    continue
            self.below(item, shape, stack)
        return out

    def holds(self, uint64_t mask, node):
        """Whether there is a node of these types at or below a node."""
        cdef list stack = [node]
        cdef _Shape shape
        while stack:
            item = stack.pop()
            shape = self.of(item)
            if shape is None:
                continue
            if shape.bit & mask:
                return True
            self.below(item, shape, stack)
        return False

    def is_ground(self, bint refs, node):
        """Whether no variable occurs in a term; closures and calls never are ground,
        and what a ref starts with does not count. Without `refs`, refs are not ground
        either."""
        cdef list stack = [node]
        cdef _Shape shape
        while stack:
            item = stack.pop()
            shape = self.of(item)
            if shape is None:
                return False
            if shape.role == SCALAR or shape.role == STRING:
                continue
            if shape.role == REF and refs:
                push_from(stack, read(item, shape.slots[0]), 1)
            elif shape.role in (ARRAY, SET, OBJECT):
                self.below(item, shape, stack)
            else:
                return False
        return True

    def names(self, int how, node, set out):
        """Adds the names of the variables at and below a node to a set.

        `how` says which, as a sum: 1 heads of refs too; 2 what calls call, and what
        `with` replaces; 4 closures and templates; 8 sets; 16 the keys of objects.
        Heads and rules are not gone into."""
        cdef list stack = [node]
        cdef _Shape shape, inner
        cdef bint skip
        while stack:
            item = stack.pop()
            shape = self.of(item)
            if shape is None:
                continue
            if shape.role == VAR:
                out.add(read(item, shape.slots[0]))
            elif shape.role == REF:
                push_from(
                    stack, read(item, shape.slots[0]), 0 if how & REF_HEAD else 1
                )
            elif shape.role == SET:
                if how & SETS:
                    self.below(item, shape, stack)
            elif shape.role == OBJECT:
                for key, value in <list?>read(item, shape.slots[0]):
                    if how & OBJECT_KEYS:
                        stack.append(key)
                    stack.append(value)
            elif shape.role == CALL:
                self.operator(read(item, shape.slots[0]), stack, how)
                push_from(stack, read(item, shape.slots[1]), 0)
            elif shape.role in (COMPREHENSION, TEMPLATE, LOGICAL):
                if how & CLOSURES:
                    self.below(item, shape, stack)
            elif shape.role == EVERY:
                if how & CLOSURES:
                    self.below(item, shape, stack)
                else:
                    stack.append(read(item, shape.slots[2]))
            elif shape.role == WITH:
                self.modifier(item, shape, stack, how)
            elif shape.role == EXPR:
                value = read(item, shape.instead)
                skip = False
                if value is not None:
                    if how & CLOSURES:
                        push(stack, value)
                else:
                    value = read(item, shape.slots[0])
                    if type(value) is list:
                        self.operator((<list>value)[0], stack, how)
                        push_from(stack, value, 1)
                    else:
                        stack.append(value)
                        inner = self.of(value)
                        # As in OPA, its modifiers are not looked at then.
                        skip = (
                            inner is not None
                            and inner.role == EVERY
                            and not how & CLOSURES
                        )
                if not skip:
                    push(stack, read(item, shape.slots[1]))
            elif shape.role != HEAD:
                self.below(item, shape, stack)

    def dotted(self, bint strict, node):
        """The variables and strings of a ref with dots between them. `strict`: empty
        where there is anything else, or something else than a variable first; without
        it such parts are left out. What is no ref has no name."""
        cdef _Shape shape = self.of(node)
        cdef list out = []
        cdef list terms
        if shape is None or shape.role != REF:
            return ""
        terms = <list?>read(node, shape.slots[0])
        for item in terms:
            shape = self.of(item)
            if shape is None or shape.role != (
                STRING if strict and out else VAR
            ):
                if strict:
                    return ""
                if shape is None or shape.role not in (VAR, STRING):
                    continue
            out.append(read(item, shape.slots[0]))
        return out[0] if len(out) == 1 else ".".join(out)

    cdef int operator(self, object ref, list stack, int how) except -1:
        cdef _Shape shape = self.of(ref)
        if shape is None or shape.role != REF:
            raise TypeError("an operator is a ref")
        return push_from(
            stack,
            read(ref, shape.slots[0]),
            0 if how & CALL_HEAD and how & REF_HEAD else 1,
        )

    cdef int modifier(self, object item, _Shape shape, list stack, int how) except -1:
        cdef _Shape inner
        target = read(item, shape.slots[0])
        value = read(item, shape.slots[1])
        if how & CALL_HEAD:
            stack.append(target)
            stack.append(value)
            return 0
        inner = self.of(target)
        if inner is None or inner.role != REF:
            raise TypeError("a target is a ref")
        push_from(stack, read(target, inner.slots[0]), 1)
        inner = self.of(value)
        if inner is not None and inner.role == REF:
            push_from(stack, read(value, inner.slots[0]), 1)
        else:
            stack.append(value)
        return 0
