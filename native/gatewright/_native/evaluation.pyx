# cython: cdivision=True
"""Evaluations: one arena and one machine that run calls of an image's programs.

An evaluation belongs to one thread at a time; any number of them share an image.
All calls of a batch run in one stretch without the GIL; only builtins that have no
native form take it.  Python objects are made of results that are there: a batch in
which every call allows makes none but the list of outcomes (`verdicts`, `lines`).
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset, strlen

from gatewright._native.catalog cimport View
from gatewright._native.convert cimport raise_error, to_python, to_word
from gatewright._native.document cimport Arena, Doc, new_doc
from gatewright._native.frame cimport (
    S_DONE, S_FAILED, Status, vm_free, vm_init, vm_start, with_key,
)
from gatewright._native.host cimport Host, too_deep
from gatewright._native.image cimport Image
from gatewright._native.index cimport IndexSet, find_records
from gatewright._native.outcome cimport (
    collected_of, message_of, violations_of, word_text,
)
from gatewright._native.program cimport Location, Program, constant
from gatewright._native.reader cimport (
    READ_OBJECT, READ_REVIEW, ReadMode, intern_find, read_text,
)
from gatewright._native.roster cimport Entry
from gatewright._native.value cimport (
    E_BUILTIN, E_CANCEL, E_CONFLICT, E_MEMORY, E_NONE, E_TYPE, F_SORTED,
    T_OBJ, UNDEFINED as NONE, Chunk, ErrorKind, Heap, SeqNode, Word, as_int,
    close_rest, fail, hash_bytes, heap_reset, item, new_seq, new_str,
    seq_node, store, tag,
)
from gatewright._native.vm cimport vm_location, vm_run
from gatewright._native.work cimport Account, account, now, unfolded

from gatewright._native.convert import UNDEFINED

cdef extern from "Python.h":
    # Of a borrowed reference: handed an object, Cython takes a reference of its own
    Py_ssize_t references "Py_REFCNT"(PyObject* o) nogil

cdef SeqNode nothing
nothing.n = 0
nothing.flags = F_SORTED
cdef Word empty = <Word>&nothing | T_OBJ        # {}, which outlives every batch

cdef enum:
    SLICE = 20000               # steps between looks at the clock: some 100 us
    DEFAULT_LIMIT = 1 << 28
    LARGE = 1 << 22             # bytes of an arena that is not kept


# Outcomes --------------------------------------------------------------------

cdef str code_of(ErrorKind kind):
    if kind == E_TYPE:
        return "eval_type_error"
    if kind == E_BUILTIN:
        return "eval_builtin_error"
    if kind == E_CONFLICT:
        return "eval_conflict_error"
    if kind == E_CANCEL:
        return "eval_cancel_error"
    return "eval_internal_error"


@cython.final
@cython.freelist(8)
cdef class Batch:
    """What the documents of one batch lie in or refer to; they keep it alive."""


cdef class Evaluation(Host):
    """Runs calls.  `limit`: bytes that one batch, its review included, may take.
    `older`: built-ins are those of OPA 1.17.  To be left out: `quiet`, that errors that
    nobody reads have no words; `paths`, that paths of the input are remembered.
    """

    def __cinit__(
        self, Image image not None, *, limit=DEFAULT_LIMIT, bint quiet=True,
        bint paths=True, bint older=False,
    ):
        self.image = image
        self.limit = limit
        self.wordless = quiet
        self.paths = paths
        self.older = older
        vm_init(&self.vm, NULL)
        self.new_batch()
        self.vm.owner = <PyObject*>self
        self.review_word = NONE
        self.data_word = NONE

    def __dealloc__(self):
        vm_free(&self.vm)
        free(self.calls)

    @property
    def used(self) -> int:
        """Bytes of the arena that the batch has taken so far."""
        return self.heap.used + (
            self.heap.chunk.used if self.heap.chunk != NULL else 0
        )

    def cancel(self):
        """Makes a running `advance` stop soon; from any thread."""
        self.cancelled = 1

    cdef int new_batch(self) except -1:
        self.batch = Batch()
        self.batch.image = self.image
        self.batch.arena = Arena(self.limit)
        self.batch.kept = []
        self.heap = &self.batch.arena.heap
        self.heap.older = self.older
        self.vm.heap = self.heap
        return 0

    cdef int clear(self) except -1:
        # An empty arena and batch; the old arena stays with the Docs that lie in it
        # and one that grew large goes as a whole: a chunk kept would pin what is below.
        if references(<PyObject*>self.batch) > 1 or self.heap.used > LARGE:
            self.new_batch()
        else:
            heap_reset(self.heap)
            if self.batch.kept:
                self.batch.kept.clear()
        self.call_count = 0
        self.at = 0
        self.running = False
        self.review_word = NONE
        self.data_word = self.image.data
        self.vm.find = NULL
        if self.view is not None:
            self.data_word = self.view.root
            self.batch.kept.append(self.view)
            if self.indexes is not None:
                self.vm.find = find_records
                self.vm.finder = &self.indexes.lookup
                self.vm.epoch = self.view.epoch
        self.raised = None
        self.context = None
        self.cancelled = 0
        if self.data_word == NONE:
            self.data_word = empty
        return 0

    cdef Word known_text(self, const char* text) noexcept:
        # The image's own node if it has one, so that keys are found by address
        cdef size_t size = strlen(text)
        cdef Word w = intern_find(
            &self.image.known, hash_bytes(text, size), text, size
        )
        return w if w != NONE else new_str(self.heap, text, size)

    def pin(self, View view, IndexSet indexes=None):
        """Takes a view as the base data of all batches from now on; None: none.

        `indexes`: of the image, over the view's catalog.  A new batch begins.
        """
        self.view = view
        self.indexes = indexes if view is not None else None
        self.clear()

    def reset(self):
        """Frees all that the last batch made, its review too."""
        self.clear()

    # Documents ---------------------------------------------------------------

    def load_review(self, body, *, bint review=True) -> Doc:
        """Reads JSON into the arena (a new batch begins) as the review to come.

        `review`: numbers go through float64, as Gatekeeper's do; else they keep their
        spelling, and only those beyond float64 are refused.  A document that outlives
        its batch keeps the batch's memory.
        """
        cdef Word w = self.read_review(body, READ_REVIEW if review else READ_OBJECT)
        return new_doc(self.batch, w)

    cdef Word read_review(self, body, ReadMode mode) except 0:
        cdef const unsigned char[::1] view
        cdef const char* data = NULL
        cdef size_t size
        cdef Word w
        self.clear()
        if isinstance(body, bytes):     # a view of it costs half a microsecond
            data = PyBytes_AS_STRING(body)
            size = PyBytes_GET_SIZE(body)
        else:
            view = body
            size = view.shape[0]
            if size:
                data = <const char*>&view[0]
        with nogil:
            w = read_text(self.heap, data, size, mode, &self.image.known)
        if w == NONE:
            raise_error(self.heap)
        self.review_word = w
        return w

    cdef int keep(self, Doc doc) except -1:
        # A document of the batch itself lives as long as the batch; kept in it, it
        # would make a cycle, and the arena would wait for the garbage collector.
        if doc.owner is not self.batch:
            if not doc.settled:
                doc.settle()
            self.batch.kept.append(doc)
        return 0

    def set_review(self, Doc review not None):
        """Takes a document as the review; a new batch begins unless it is ours."""
        cdef Word w = review.word
        if review.owner is not self.batch:
            self.clear()
            self.keep(review)
        self.review_word = w
        self.forget_review()

    cdef void forget_review(self) noexcept:
        # Where its paths led
        self.vm.stamps += 1
        self.vm.batch_stamp = self.vm.stamps

    def with_keys(self, Doc doc not None, updates) -> Doc:
        """An object of this batch with some keys set (to Docs or Python values).

        Only the object itself is copied; of a document that is no object nothing
        is kept.  `doc` and the updates stay alive as long as the batch.
        """
        cdef Word w = doc.word
        cdef Word key, value
        self.keep(doc)
        for name, update in updates.items():
            if isinstance(update, Doc):
                self.keep(update)
                value = (<Doc>update).word
            else:
                value = to_word(self.heap, update)
            key = self.known_text(name.encode("utf-8", "surrogateescape"))
            if key != NONE:
                w = with_key(self.heap, w, key, value)
            if key == NONE or w == NONE:
                raise_error(self.heap)
        return new_doc(self.batch, w)

    def set_data(self, data):
        """Replaces the image's base data for this batch; an object."""
        cdef Doc doc
        self.vm.find = NULL         # indexes are over other data
        if isinstance(data, Doc):
            doc = data
            self.keep(doc)
            self.data_word = doc.word
        else:
            self.data_word = to_word(self.heap, data)
        if tag(self.data_word) != T_OBJ:
            raise ValueError("the base data is no object")

    # Batches -----------------------------------------------------------------

    cdef Call* add(
        self, uint32_t program, uint32_t function, int64_t steps
    ) except NULL:
        cdef Call* calls
        cdef Call* call
        cdef uint32_t room
        if self.call_count == self.call_room:
            room = 2 * self.call_room if self.call_room else 16
            calls = <Call*>realloc(self.calls, room * sizeof(Call))
            if calls == NULL:
                raise MemoryError
            self.calls = calls
            self.call_room = room
        if program >= self.image.program_count:
            raise ValueError(f"no program {program}")
        call = &self.calls[self.call_count]
        memset(call, 0, sizeof(Call))
        call.program = program
        call.function = function
        call.left = steps
        call.location = -1
        self.call_count += 1
        return call

    def begin(self, uint32_t program, uint32_t function, value, *, int64_t steps):
        """Sets out to evaluate one function of a program.

        `value` is the input: UNDEFINED, a Doc, or a Python value.  `steps`: its
        budget.  Call `reset` first.
        """
        cdef Word w = NONE
        if isinstance(value, Doc):
            self.keep(value)
            w = (<Doc>value).word
        elif value is not UNDEFINED:
            w = to_word(self.heap, value)
        self.begin_one(program, function, w, steps)

    cdef int begin_one(
        self, uint32_t program, uint32_t function, Word input, int64_t steps
    ) except -1:
        self.call_count = 0
        self.at = 0
        self.running = False
        self.extracting = self.quiet = False
        self.vm.lasting = NONE
        self.add(program, function, steps).input = input
        return 0

    def begin_reviews(self, calls, *, int64_t steps):
        """Sets out to ask programs for violations in the review.

        `calls`: pairs of program (its first entry point counts) and document (the
        parameters), each with a budget of `steps`.
        """
        cdef uint32_t program, parameters
        self.begin_batch(steps)
        for program, parameters in calls:
            self.add_review(program, parameters)

    cdef int begin_roster(
        self, const Entry* entries, uint32_t count, int64_t steps
    ) except -1:
        # As `begin_reviews`
        cdef uint32_t i
        self.begin_batch(steps)
        for i in range(count):
            self.add_review(entries[i].program, entries[i].document)
        return 0

    cdef int begin_batch(self, int64_t steps) except -1:
        if self.review_word == NONE:
            raise ValueError("no review")
        self.call_count = 0
        self.at = 0
        self.running = False
        self.extracting = self.quiet = True
        self.budget = steps
        self.key_parameters = self.known_text(b"parameters")
        self.key_review = self.known_text(b"review")
        self.forget_review()
        self.vm.lasting = self.key_review
        if self.heap.error != E_NONE:
            raise_error(self.heap)
        return 0

    cdef int add_review(self, uint32_t program, uint32_t parameters) except -1:
        cdef Call* call
        if parameters >= self.image.document_count:
            raise ValueError(f"no document {parameters}")
        call = self.add(program, 0, self.budget)
        call.function = self.image.programs[program].entry
        call.parameters = parameters
        return 0

    def advance(self, int64_t steps, int64_t deadline=0) -> bool:
        """Goes on for about so many steps; True when no call is left to run.

        `deadline`: on the monotonic clock in ns, 0 for none; when it has passed,
        or `cancel` was called, the calls that are left end as cancelled.
        """
        cdef bint done
        with nogil:
            done = self.work(steps, deadline)
        if self.raised is not None:
            self.stopped()
        return done

    cdef int stopped(self) except -1:
        # An interrupt of a builtin in Python is raised as it is
        if not isinstance(self.raised, Exception):
            raised = self.raised
            self.raised = None
            raise raised
        return 0

    cdef void next_call(self) noexcept nogil:
        cdef Call* call = &self.calls[self.at]
        cdef const Program* program = &self.image.programs[call.program]
        cdef SeqNode* seq
        cdef Word value = call.input
        self.mark_here()
        self.running = True
        if self.extracting:
            seq = new_seq(self.heap, 4)
            if seq == NULL:
                self.end_call(O_MEMORY)
                return
            seq.n = 2
            seq.flags = F_SORTED
            store(&seq.items[0], self.key_parameters)
            store(&seq.items[1], self.image.document(call.parameters))
            store(&seq.items[2], self.key_review)
            store(&seq.items[3], self.review_word)
            value = <Word>seq | T_OBJ
        # Not undefined, where they are to be remembered
        self.vm.steady = value if self.paths else <Word>NONE
        if vm_start(
            &self.vm, program, call.function, value, self.data_word
        ) == S_FAILED:
            self.end_call(O_ERROR)

    cdef void end_call(self, Outcome outcome) noexcept nogil:
        # Keeps what the outcome needs; else the memory of the call is free again
        cdef Call* call = &self.calls[self.at]
        cdef Chunk* chunk
        cdef Heap* heap = self.heap
        cdef bint keep = False
        call.outcome = outcome
        if outcome == O_VALUE:
            call.result = self.vm.result
            if self.extracting:
                call.result = violations_of(heap, call.result, empty)
                keep = call.result != NONE
                # It becomes Python objects, each shared part as often as it occurs
                if keep and unfolded(call.result, heap.limit) > heap.limit:
                    fail(heap, E_MEMORY, b"memory limit exceeded")
                if heap.error != E_NONE:
                    call.outcome = O_MEMORY
                    keep = False
            else:
                keep = True
        elif outcome == O_ERROR:
            call.kind = heap.error
            call.code = self.vm.error_code
            call.message = self.vm.error_message
            call.location = self.vm.error_location
            if heap.error == E_MEMORY:
                call.outcome = O_MEMORY
            elif heap.error == E_CANCEL:
                call.outcome = O_CANCELLED
            else:
                keep = True
                if call.message == 0:
                    call.message = new_str(heap, heap.message, strlen(heap.message))
                    if call.message == NONE:
                        call.outcome = O_MEMORY
                        keep = False
        if self.running and call.outcome != O_VALUE and call.location < 0:
            call.location = vm_location(&self.vm)
        heap.error = E_NONE
        if keep and not self.extracting:
            call.collected_count = self.vm.collected_count
            call.collected = collected_of(heap, &self.vm)
            heap.error = E_NONE
        if not keep:
            while heap.chunk != self.mark.chunk:
                chunk = heap.chunk
                heap.chunk = chunk.next
                free(chunk)
            if heap.chunk != NULL:
                heap.chunk.used = self.mark.chunk_used
                close_rest(heap.chunk)
            heap.used = self.mark.used
            heap.joins = NULL
        self.running = False
        self.at += 1

    cdef bint work(self, int64_t steps, int64_t deadline) noexcept nogil:
        cdef Call* call
        cdef int64_t granted
        cdef Status status
        cdef Account* mine = account()
        cdef int64_t stamp = 0
        # A builtin in Python may run an evaluation within this one
        cdef Account outer = mine[0]
        mine.deadline = deadline
        mine.cancelled = &self.cancelled
        mine.heap = self.heap
        if self.timed:
            stamp = now()
        while self.at < self.call_count:
            if self.cancelled or (deadline and now() >= deadline):
                while self.at < self.call_count:
                    if not self.running:
                        self.mark_here()
                    self.end_call(O_CANCELLED)
                break
            if steps <= 0:
                mine[0] = outer
                return False
            if not self.running:
                self.next_call()
                if not self.running:
                    continue
            call = &self.calls[self.at]
            granted = steps if steps < SLICE else SLICE
            if granted > call.left:
                granted = call.left
            self.vm.left = granted
            mine.spent = 0
            mine.looked = 0
            mine.limit = call.left
            self.heap.quiet = self.quiet and self.wordless
            status = vm_run(&self.vm)
            self.heap.quiet = False
            mine.limit = 0
            granted += mine.spent - self.vm.left
            steps -= granted
            if mine.spent and granted > call.left:
                # A comparison may have been broken off: nothing of this call counts
                self.heap.error = E_NONE
                call.left = 0
                self.end_call(O_STEPS)
            else:
                call.left -= granted
                if status == S_DONE:
                    self.end_call(O_VALUE)
                elif status == S_FAILED:
                    self.end_call(O_ERROR)
                elif call.left <= 0:
                    self.end_call(O_STEPS)
            if self.timed:
                call.ns -= stamp
                stamp = now()
                call.ns += stamp
        mine[0] = outer
        return True

    cdef void mark_here(self) noexcept nogil:
        self.mark.chunk = self.heap.chunk
        self.mark.used = self.heap.used
        self.mark.chunk_used = self.heap.chunk.used if self.heap.chunk != NULL else 0

    # Outcomes ----------------------------------------------------------------

    cdef object location_of(self, const Call* call, int64_t location):
        cdef const Program* program = &self.image.programs[call.program]
        cdef const Location* found
        if location < 0 or location >= program.location_count:
            return None
        found = &program.locations[location]
        return (word_text(constant(program, found.file)), found.row, found.col)

    cdef object error_of(self, const Call* call):
        # (kind, code, message, location, cause): what the engine makes errors of
        cdef object place = self.location_of(call, call.location)
        if call.outcome == O_STEPS:
            return ("steps", "", "", place, None)
        if call.outcome == O_MEMORY:
            return ("memory", "", "", place, None)
        if call.outcome == O_CANCELLED:
            return ("cancelled", "", "", place, None)
        return (
            "error",
            word_text(call.code) if call.code else code_of(call.kind),
            message_of(&self.image.programs[call.program], call.message, self.batch),
            place,
            self.raised,
        )

    def outcome(self):
        """The outcome of `begin`: (value or UNDEFINED, error or None, collected).

        An error is (kind, code, message, location, cause); kind is `error`,
        `steps`, `memory` or `cancelled`, a location (file, row, column) or None.
        Collected are (code, message, location) of builtins that failed.
        """
        cdef Call* call = self.calls
        cdef uint32_t i
        cdef Word entry
        if self.call_count != 1 or self.at != 1 or self.extracting:
            raise ValueError("no outcome")
        collected = []
        if call.collected != 0:
            for i in range(seq_node(call.collected).n):
                entry = item(call.collected, i)
                collected.append(
                    (
                        code_of(<ErrorKind>as_int(item(entry, 0))),
                        word_text(item(entry, 1)),
                        self.location_of(call, as_int(item(entry, 2))),
                    )
                )
        if call.outcome != O_VALUE:
            return (UNDEFINED, self.error_of(call), collected)
        try:
            return (to_python(call.result), None, collected)
        except RecursionError as error:
            return (UNDEFINED, too_deep(error), collected)

    def result_doc(self):
        """The value of `begin` as a document of this batch, or UNDEFINED."""
        if self.calls.outcome != O_VALUE or self.calls.result == NONE:
            return UNDEFINED
        return new_doc(self.batch, self.calls.result)

    def steps_left(self, uint32_t number=0):
        """What a call has left of its budget."""
        if number >= self.call_count:
            raise ValueError(f"no call {number}")
        return self.calls[number].left
