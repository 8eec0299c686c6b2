# cython: cdivision=True
"""Strings by Go's %q and %x."""

from libc.stdint cimport int64_t, uint32_t, uint8_t
from libc.stdio cimport snprintf

from gatewright._native.utf8 cimport is_ascii, put_rune, rune_at, rune_is_valid
from gatewright._native.writer cimport (
    WRITE_REGO, Out, out_free, out_init, put, put_char, write_string,
)
from gatewright._native.verb cimport Print, pad, truncated, write_padding


cdef bint can_backquote(const char* text, size_t size) noexcept nogil:
    cdef size_t at = 0
    cdef uint32_t code, width
    while at < size:
        width = rune_at(<const uint8_t*>text + at, size - at, &code)
        if not rune_is_valid(width, code) or code == 0xFEFF or code == 0x60:
            return False
        if (code < 0x20 and code != 9) or code == 0x7F:
            return False
        at += width
    return True


cdef void quote_rune(Out* out, uint32_t code, bint ascii) noexcept nogil:
    # strconv.QuoteRune
    cdef char text[8]
    cdef char escape[16]
    cdef Out quoted
    cdef uint32_t width
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        code = 0xFFFD
    if code == 0x27:
        put(out, "'\\''", 4)
        return
    if code == 0x22:
        put(out, "'\"'", 3)
        return
    put_char(out, 0x27)
    width = put_rune(text, code)
    if ascii and code >= 0x80:
        if code < 0x10000:
            put(out, escape, snprintf(escape, 16, "\\u%04x", code))
        else:
            put(out, escape, snprintf(escape, 16, "\\U%08x", code))
    else:
        out_init(&quoted, 64)
        write_string(&quoted, text, width, WRITE_REGO)
        if not quoted.failed:
            put(out, quoted.data + 1, quoted.size - 2)
        out_free(&quoted)
    put_char(out, 0x27)


cdef void print_quoted(Print* p, const char* text, size_t size) noexcept nogil:
    cdef Out quoted
    cdef size_t at = 0, start
    cdef uint32_t code, width
    cdef char escape[16]
    size = truncated(p, text, size)
    out_init(&quoted, p.out.limit)
    if p.verb.sharp and can_backquote(text, size):
        put_char(&quoted, 0x60)
        put(&quoted, text, size)
        put_char(&quoted, 0x60)
    elif p.verb.plus and not is_ascii(text, size):
        # To ASCII: quote the runs between code points that are not
        put_char(&quoted, c'"')
        while at < size:
            start = at
            while at < size and <uint8_t>text[at] < 0x80:
                at += 1
            if at > start:
                write_string(&quoted, text + start, at - start, WRITE_REGO)
                if not quoted.failed:
                    unquote_run(&quoted, at - start)
            if at < size:
                width = rune_at(<const uint8_t*>text + at, size - at, &code)
                if not rune_is_valid(width, code):
                    put(
                        &quoted, escape,
                        snprintf(escape, 16, "\\x%02x", <int><uint8_t>text[at]),
                    )
                elif code < 0x10000:
                    put(&quoted, escape, snprintf(escape, 16, "\\u%04x", code))
                else:
                    put(&quoted, escape, snprintf(escape, 16, "\\U%08x", code))
                at += width
        put_char(&quoted, c'"')
    else:
        write_string(&quoted, text, size, WRITE_REGO)
    if quoted.failed:
        p.out.failed = True
    else:
        pad(p, quoted.data, quoted.size)
    out_free(&quoted)


cdef void unquote_run(Out* out, size_t size) noexcept nogil:
    # Drops the quotes around the run that was just written: the last quote is the
    # last byte; the first one is the last unescaped one before it
    cdef size_t end = out.size - 1
    cdef size_t start = end
    while start > 0:
        start -= 1
        if out.data[start] == c'"' and (start == 0 or not escaped(out.data, start)):
            break
    memcpy_down(out.data + start, out.data + start + 1, end - start - 1)
    out.size -= 2


cdef bint escaped(const char* data, size_t at) noexcept nogil:
    cdef size_t slashes = 0
    while at > 0 and data[at - 1] == 0x5C:
        slashes += 1
        at -= 1
    return slashes % 2 == 1


cdef void memcpy_down(char* to, const char* start, size_t size) noexcept nogil:
    cdef size_t i
    for i in range(size):
        to[i] = start[i]


cdef void print_hex_text(
    Print* p, const char* text, size_t size, bint upper
) noexcept nogil:
    cdef const char* digits = "0123456789ABCDEFX" if upper else "0123456789abcdefx"
    cdef int64_t length = <int64_t>size
    cdef int64_t width, i
    if p.verb.has_prec and p.verb.prec < length:
        length = p.verb.prec
    width = 2 * length
    if width > 0:
        if p.verb.space:
            if p.verb.sharp:
                width *= 2
            width += length - 1
        elif p.verb.sharp:
            width += 2
    else:
        if p.verb.has_width:
            write_padding(p, p.verb.width)
        return
    if p.verb.has_width and p.verb.width > width and not p.verb.minus:
        write_padding(p, p.verb.width - width)
    if p.verb.sharp:
        put_char(&p.out, c'0')
        put_char(&p.out, digits[16])
    for i in range(length):
        if p.verb.space and i > 0:
            put_char(&p.out, c' ')
            if p.verb.sharp:
                put_char(&p.out, c'0')
                put_char(&p.out, digits[16])
        put_char(&p.out, digits[<uint8_t>text[i] >> 4])
        put_char(&p.out, digits[<uint8_t>text[i] & 15])
    if p.verb.has_width and p.verb.width > width and p.verb.minus:
        write_padding(p, p.verb.width - width)
