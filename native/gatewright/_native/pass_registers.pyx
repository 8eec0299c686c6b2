# cython: cdivision=True
"""As few registers as the values alive at a time need."""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort
from libc.string cimport memset

from gatewright._native.opcodes cimport (
    OP_ERR, OP_ITER, OP_JUMP, OP_NEXT, OP_RET, OP_RETU,
)
from gatewright._native.pass_code cimport Code, Effects, Shape


# Registers that stay in a row, and the stretch in which any of them is alive
ctypedef struct Row:
    int64_t start
    int64_t end
    int64_t first
    int64_t size


cdef int by_start(const void* a, const void* b) noexcept nogil:
    cdef const Row* x = <const Row*>a
    cdef const Row* y = <const Row*>b
    if x.start != y.start:
        return -1 if x.start < y.start else 1
    if x.end != y.end:
        return -1 if x.end < y.end else 1
    return (x.first > y.first) - (x.first < y.first)


cdef int pack(Code table) except -1:
    cdef int64_t n = table.registers
    cdef int64_t words = (n + 64) // 64
    cdef int64_t count = table.count
    cdef Effects* effects = <Effects*>malloc((count + 1) * sizeof(Effects))
    cdef uint64_t* alive = <uint64_t*>calloc(
        (count + 1) * words, sizeof(uint64_t)
    )
    cdef uint64_t* after = <uint64_t*>malloc(words * sizeof(uint64_t))
    cdef int64_t* first = <int64_t*>malloc((n + 1) * sizeof(int64_t))
    cdef int64_t* last = <int64_t*>malloc((n + 1) * sizeof(int64_t))
    cdef int64_t* numbers = <int64_t*>calloc(n + 1, sizeof(int64_t))
    cdef int64_t* busy = <int64_t*>malloc((n + 1) * sizeof(int64_t))
    cdef char* joined = <char*>calloc(n + 2, 1)
    cdef Row* rows = <Row*>malloc((n + 1) * sizeof(Row))
    cdef int32_t i
    try:
        if (
            effects == NULL or alive == NULL or after == NULL or first == NULL
            or last == NULL or numbers == NULL or busy == NULL or joined == NULL
            or rows == NULL
        ):
            raise MemoryError
        for i in range(table.count):
            table.effects(&table.code[i], &effects[i])
        live(table, effects, alive, after, words, first, last)
        table.registers = put(table, effects, first, last, numbers, busy, joined, rows)
        table.renumber(numbers)
    finally:
        free(effects)
        free(alive)
        free(after)
        free(first)
        free(last)
        free(numbers)
        free(busy)
        free(joined)
        free(rows)
    return 0


cdef void live(
    Code table, const Effects* effects, uint64_t* alive, uint64_t* after, int64_t words,
    int64_t* first, int64_t* last,
) noexcept:
    # First and last instruction of each register's life (never: beyond the end)
    cdef int64_t i, j, w, register
    cdef const Effects* one
    cdef const Shape* shape
    cdef uint64_t* here
    cdef bint changed = True
    while changed:
        changed = False
        for i in range(table.count - 1, -1, -1):
            one = &effects[i]
            shape = &table.shapes[table.code[i].op]
            memset(after, 0, words * sizeof(uint64_t))
            if not table.code[i].op in (OP_JUMP, OP_RET, OP_RETU, OP_ERR):
                for w in range(words):
                    after[w] = alive[(i + 1) * words + w]
            for j in range(shape.label_count):
                here = &alive[table.code[i].args[shape.labels[j]] * words]
                for w in range(words):
                    after[w] |= here[w]
            for j in range(one.set_count):
                register = one.sets[j]
                after[register >> 6] &= ~(<uint64_t>1 << (register & 63))
            for j in range(one.read_count):
                register = one.reads[j]
                after[register >> 6] |= <uint64_t>1 << (register & 63)
            for register in range(one.block, one.block + one.size):
                after[register >> 6] |= <uint64_t>1 << (register & 63)
            here = &alive[i * words]
            for w in range(words):
                if here[w] != after[w]:
                    here[w] = after[w]
                    changed = True
    for register in range(table.registers):
        first[register] = table.count
        last[register] = -1
    for i in range(table.count):
        one = &effects[i]
        for j in range(one.set_count):
            touch(first, last, one.sets[j], i)
        for w in range(words):
            if alive[i * words + w]:
                for j in range(64):
                    if alive[i * words + w] >> j & 1:
                        touch(first, last, 64 * w + j, i)


cdef int64_t put(
    Code table, const Effects* effects, const int64_t* first, const int64_t* last,
    int64_t* numbers, int64_t* busy, char* joined, Row* rows,
) noexcept:
    # Numbers for all registers; how many there are now
    cdef int64_t i, register, base, run, start, end
    cdef int64_t n = table.registers
    cdef int64_t used = 0, count = 0, size
    for i in range(table.count):
        for register in range(
            effects[i].block + 1, effects[i].block + effects[i].size
        ):
            joined[register] = 1
        if table.code[i].op == OP_ITER or table.code[i].op == OP_NEXT:
            joined[table.code[i].args[0] + 1] = 1
    # Parameters stay, and what is in a row with one
    register = 0
    while register < n and (register < table.params or joined[register]):
        numbers[register] = register
        busy[register] = table.count
        register += 1
    used = register
    while register < n:
        size = 1
        while register + size < n and joined[register + size]:
            size += 1
        start, end = first[register], last[register]
        for i in range(register + 1, register + size):
            start = first[i] if first[i] < start else start
            end = last[i] if last[i] > end else end
        if start < table.count:
            rows[count].start, rows[count].end = start, end
            rows[count].first, rows[count].size = register, size
            count += 1
        register += size
    qsort(rows, count, sizeof(Row), by_start)
    for i in range(count):
        run = base = 0
        while base < used:
            run = run + 1 if busy[base] < rows[i].start else 0
            base += 1
            if run == rows[i].size:
                break
        base -= run
        for register in range(rows[i].size):
            numbers[rows[i].first + register] = base + register
            busy[base + register] = rows[i].end
        if base + rows[i].size > used:
            used = base + rows[i].size
    return used if used else 1


cdef inline void touch(
    int64_t* first, int64_t* last, int64_t register, int64_t at
) noexcept nogil:
    if first[register] > at:
        first[register] = at
    if last[register] < at:
        last[register] = at
