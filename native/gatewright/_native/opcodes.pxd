# The instructions of the plan language, as C sees them.
# Written by tools/generate_opcodes.py from gatewright.ir.opcodes: edit that table.

cdef enum:
    PLAN_VERSION = 3
    OPCODE_COUNT = 56

cdef enum Opcode:
    # JUMP L:to
    OP_JUMP = 0
    # RET r:s
    OP_RET = 1
    # RETU
    OP_RETU = 2
    # ERR k:what p:loc
    OP_ERR = 3
    # CONST d:d k:k
    OP_CONST = 4
    # MOVE d:d r:s
    OP_MOVE = 5
    # UNSET d:d
    OP_UNSET = 6
    # INPUT d:d L:fail
    OP_INPUT = 7
    # DATA d:d
    OP_DATA = 8
    # DOT d:d r:o r:key L:fail
    OP_DOT = 9
    # DOTK d:d r:o k:key L:fail
    OP_DOTK = 10
    # PATHK d:d r:o k:path L:fail
    OP_PATHK = 11
    # INPUTK d:d k:path L:fail
    OP_INPUTK = 12
    # DATAK d:d k:path L:fail
    OP_DATAK = 13
    # INDEX d:d n:index r:key L:none
    OP_INDEX = 14
    # DOTD d:d r:o r:key L:fail
    OP_DOTD = 15
    # TRUE r:s L:fail
    OP_TRUE = 16
    # DEF r:s L:fail
    OP_DEF = 17
    # UNDEF r:s L:fail
    OP_UNDEF = 18
    # EQ r:a r:b L:fail
    OP_EQ = 19
    # EQK r:a k:b L:fail
    OP_EQK = 20
    # NEQ r:a r:b L:fail
    OP_NEQ = 21
    # CMP d:d n:rel r:a r:b
    OP_CMP = 22
    # CMPJ n:rel r:a r:b L:fail
    OP_CMPJ = 23
    # CMPKJ n:rel r:a k:b L:fail
    OP_CMPKJ = 24
    # ARRLEN r:s n:len L:fail
    OP_ARRLEN = 25
    # OBJLEN r:s n:len L:fail
    OP_OBJLEN = 26
    # ITER d:it r:c L:fail
    OP_ITER = 27
    # NEXT r:it rn:key rn:val L:end
    OP_NEXT = 28
    # ARR d:d r:base n:n
    OP_ARR = 29
    # OBJ d:d r:base n:n
    OP_OBJ = 30
    # SET d:d r:base n:n
    OP_SET = 31
    # ANEW d:b
    OP_ANEW = 32
    # SNEW d:b
    OP_SNEW = 33
    # ONEW d:b
    OP_ONEW = 34
    # AADD r:b r:s
    OP_AADD = 35
    # SADD r:b r:s
    OP_SADD = 36
    # OADD r:b r:key r:val p:loc
    OP_OADD = 37
    # BPUT r:b r:base n:n r:val p:loc
    OP_BPUT = 38
    # BADD r:b r:base n:n r:val p:loc
    OP_BADD = 39
    # DONE d:d r:b
    OP_DONE = 40
    # CALL d:d f:f r:base L:fail
    OP_CALL = 41
    # RULE d:d f:f L:fail
    OP_RULE = 42
    # TRY d:d f:f L:fail L:conflict
    OP_TRY = 43
    # BUILTIN d:d b:b r:base n:n L:fail p:loc
    OP_BUILTIN = 44
    # ONCE d:d r:s k:message L:next p:loc
    OP_ONCE = 45
    # WPUSH
    OP_WPUSH = 46
    # WPOP
    OP_WPOP = 47
    # WINPUT r:s
    OP_WINPUT = 48
    # WINPUTP k:path r:s
    OP_WINPUTP = 49
    # WDATA k:path r:s
    OP_WDATA = 50
    # WMOCKV m:slot r:s
    OP_WMOCKV = 51
    # WMOCKF m:slot f:f
    OP_WMOCKF = 52
    # WMOCKB m:slot b:b
    OP_WMOCKB = 53
    # MOCKED d:d m:slot r:base n:n L:fail L:none p:loc
    OP_MOCKED = 54
    # OVERRIDE d:d k:path L:fail L:none
    OP_OVERRIDE = 55

cdef enum Relation:
    REL_EQUAL = 0
    REL_NEQ = 1
    REL_LT = 2
    REL_LTE = 3
    REL_GT = 4
    REL_GTE = 5

cdef extern from *:
    """
    /* The kinds of each instruction's operands (o: register or -1). */
    static const char *const GW_OPERANDS[] __attribute__((unused)) = {
        "L", /* JUMP */
        "r", /* RET */
        "", /* RETU */
        "kp", /* ERR */
        "dk", /* CONST */
        "dr", /* MOVE */
        "d", /* UNSET */
        "dL", /* INPUT */
        "d", /* DATA */
        "drrL", /* DOT */
        "drkL", /* DOTK */
        "drkL", /* PATHK */
        "dkL", /* INPUTK */
        "dkL", /* DATAK */
        "dnrL", /* INDEX */
        "drrL", /* DOTD */
        "rL", /* TRUE */
        "rL", /* DEF */
        "rL", /* UNDEF */
        "rrL", /* EQ */
        "rkL", /* EQK */
        "rrL", /* NEQ */
        "dnrr", /* CMP */
        "nrrL", /* CMPJ */
        "nrkL", /* CMPKJ */
        "rnL", /* ARRLEN */
        "rnL", /* OBJLEN */
        "drL", /* ITER */
        "rooL", /* NEXT */
        "drn", /* ARR */
        "drn", /* OBJ */
        "drn", /* SET */
        "d", /* ANEW */
        "d", /* SNEW */
        "d", /* ONEW */
        "rr", /* AADD */
        "rr", /* SADD */
        "rrrp", /* OADD */
        "rrnrp", /* BPUT */
        "rrnrp", /* BADD */
        "dr", /* DONE */
        "dfrL", /* CALL */
        "dfL", /* RULE */
        "dfLL", /* TRY */
        "dbrnLp", /* BUILTIN */
        "drkLp", /* ONCE */
        "", /* WPUSH */
        "", /* WPOP */
        "r", /* WINPUT */
        "kr", /* WINPUTP */
        "kr", /* WDATA */
        "mr", /* WMOCKV */
        "mf", /* WMOCKF */
        "mb", /* WMOCKB */
        "dmrnLLp", /* MOCKED */
        "dkLL", /* OVERRIDE */
    };
    """
    const char *const GW_OPERANDS[]
