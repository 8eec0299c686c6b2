"""A planned policy on its own: what libraries are put together from."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from gatewright._native.core import Assembler, Image, ImageError
from gatewright.engine.binding import LIBRARY, VARYING, Binding
from gatewright.ir.encode import encode
from gatewright.ir.program import Program
from gatewright.rego.errors import COMPILE_ERROR, Error, RegoErrors

__all__ = ["Part", "loaded"]


def _elsewhere(*_operands: Any) -> NoReturn:
    raise AssertionError("a part is not evaluated")


#: What a part is checked with: where the lines of print() go, its library is told.
_CHECKING: Final = Binding({"internal.print": _elsewhere})

#: How the evaluator begins to say that nothing carries out a declared builtin.
_MISSING: Final = "no builtin function"


class Part:
    """One program as an image of its own, checked; immutable.

    `data` are its bytes.  Copying it into a library costs microseconds, while
    planning it again would cost milliseconds.
    """

    __slots__ = ("data", "image")

    def __init__(self, data: bytes, image: Image) -> None:
        self.data = data
        self.image = image

    @classmethod
    def of(
        cls, program: Program, *, binding: Binding = LIBRARY, meta: bytes = b""
    ) -> Part:
        """The part of a program; raises RegoErrors as `loaded` does."""
        assembler = Assembler()
        assembler.add_program(encode(program), varying=VARYING)
        data = assembler.finish(meta)
        return cls(data, loaded(data, binding=_for_check(binding)))

    @classmethod
    def read(cls, data: bytes, *, binding: Binding = LIBRARY) -> Part:
        """The part that these bytes are.  Raises ImageError unless they are one."""
        image = Image(data, binding=_for_check(binding))
        if image.program_total != 1 or image.document_total != 0:
            raise ImageError("an image of something else than one policy")
        return cls(data, image)

    @property
    def meta(self) -> bytes:
        """What `of` was given."""
        return self.image.meta


def _for_check(binding: Binding) -> Binding:
    return _CHECKING if binding is LIBRARY else binding


def loaded(data: Any, *, binding: Binding) -> Image:
    """Load what has just been planned.

    Raises RegoErrors if nothing carries out a builtin that it calls: said when a
    policy is compiled, for undefined would be a guess.
    """
    try:
        return Image(data, binding=binding)
    except ImageError as error:
        if not str(error).startswith(_MISSING):
            raise
        raise RegoErrors([Error(COMPILE_ERROR, str(error))]) from error
