# The instructions of the plan language, as C sees them.
# Written by tools/generate_opcodes.py from gatewright.ir.opcodes: edit that table.

cdef enum:
    PLAN_VERSION = 2
    OPCODE_COUNT = 55

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
    # DOTD d:d r:o r:key L:fail
    OP_DOTD = 14
    # TRUE r:s L:fail
    OP_TRUE = 15
    # DEF r:s L:fail
    OP_DEF = 16
    # UNDEF r:s L:fail
    OP_UNDEF = 17
    # EQ r:a r:b L:fail
    OP_EQ = 18
    # EQK r:a k:b L:fail
    OP_EQK = 19
    # NEQ r:a r:b L:fail
    OP_NEQ = 20
    # CMP d:d n:rel r:a r:b
    OP_CMP = 21
    # CMPJ n:rel r:a r:b L:fail
    OP_CMPJ = 22
    # CMPKJ n:rel r:a k:b L:fail
    OP_CMPKJ = 23
    # ARRLEN r:s n:len L:fail
    OP_ARRLEN = 24
    # OBJLEN r:s n:len L:fail
    OP_OBJLEN = 25
    # ITER d:it r:c L:fail
    OP_ITER = 26
    # NEXT r:it rn:key rn:val L:end
    OP_NEXT = 27
    # ARR d:d r:base n:n
    OP_ARR = 28
    # OBJ d:d r:base n:n
    OP_OBJ = 29
    # SET d:d r:base n:n
    OP_SET = 30
    # ANEW d:b
    OP_ANEW = 31
    # SNEW d:b
    OP_SNEW = 32
    # ONEW d:b
    OP_ONEW = 33
    # AADD r:b r:s
    OP_AADD = 34
    # SADD r:b r:s
    OP_SADD = 35
    # OADD r:b r:key r:val p:loc
    OP_OADD = 36
    # BPUT r:b r:base n:n r:val p:loc
    OP_BPUT = 37
    # BADD r:b r:base n:n r:val p:loc
    OP_BADD = 38
    # DONE d:d r:b
    OP_DONE = 39
    # CALL d:d f:f r:base L:fail
    OP_CALL = 40
    # RULE d:d f:f L:fail
    OP_RULE = 41
    # TRY d:d f:f L:fail L:conflict
    OP_TRY = 42
    # BUILTIN d:d b:b r:base n:n L:fail p:loc
    OP_BUILTIN = 43
    # ONCE d:d r:s k:message L:next p:loc
    OP_ONCE = 44
    # WPUSH
    OP_WPUSH = 45
    # WPOP
    OP_WPOP = 46
    # WINPUT r:s
    OP_WINPUT = 47
    # WINPUTP k:path r:s
    OP_WINPUTP = 48
    # WDATA k:path r:s
    OP_WDATA = 49
    # WMOCKV m:slot r:s
    OP_WMOCKV = 50
    # WMOCKF m:slot f:f
    OP_WMOCKF = 51
    # WMOCKB m:slot b:b
    OP_WMOCKB = 52
    # MOCKED d:d m:slot r:base n:n L:fail L:none p:loc
    OP_MOCKED = 53
    # OVERRIDE d:d k:path L:fail L:none
    OP_OVERRIDE = 54

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
