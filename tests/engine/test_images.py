"""Images: what is refused, and that nothing in one can crash the evaluator."""

from __future__ import annotations

import mmap
import random
import struct
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright._native.core import (
    Assembler,
    Evaluation,
    Image,
    ImageError,
    violations_of,
)
from gatewright.engine.binding import Binding
from gatewright.engine.reviews import LibraryBuilder
from gatewright.engine.values import UNDEFINED
from gatewright.ir.encode import EncodedFunction, EncodedProgram, encode
from gatewright.ir.opcodes import BY_NAME, OPCODES, PLAN_VERSION
from gatewright.ir.parse import parse_program
from tests.engine.running import image_of, load, run_plan

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "plans.yaml").read_text()
)
PLANS = [case["plan"] for case in CASES]
DOCUMENT = b'{"a":[1,2.5,"x",{"k":<1,"z">}],"b":1e400,"long":"0123456789012345678901"}'
PLAN = CASES[0]["plan"]
MASK = (1 << 64) - 1


def seal(image: bytes | bytearray) -> bytes:
    """The image with its checksum set anew, as image.pyx has it."""

    def rotate(x: int, by: int) -> int:
        return (x << by | x >> (64 - by)) & MASK

    out = bytearray(image)
    lanes = [0x9E3779B97F4A7C15 * (i + 1) & MASK for i in range(4)]
    padded = bytes(out) + bytes(-len(out) % 32)
    for at in range(0, len(padded), 32):
        block = list(struct.unpack_from("<4Q", padded, at))
        if at == 0:
            block[3] = 0
        for i in range(4):
            lane = (lanes[i] + block[i] * 0xC2B2AE3D27D4EB4F) & MASK
            lanes[i] = rotate(lane, 31) * 0x9E3779B185EBCA87 & MASK
    h = len(out)
    for lane in lanes:
        h = (h ^ lane) * 0xD6E8FEB86659FD93 & MASK
        h ^= h >> 32
    struct.pack_into("<Q", out, 24, h)
    return bytes(out)


def exercise(image: Image) -> None:
    """Run all there is, shortly, and read all results."""
    for number in range(image.program_total):
        for function in image.entrypoints(number).values():
            evaluation = Evaluation(image, limit=1 << 20)
            evaluation.reset()
            evaluation.begin(number, function, {"a": [1, "x", {"k": 2}]}, steps=5000)
            while not evaluation.advance(1000):
                pass
            evaluation.outcome()
    evaluation = Evaluation(image, limit=1 << 20)
    evaluation.load_review(b'{"a":1}')
    calls = [
        (number, document)
        for number in range(image.program_total)
        if image.entrypoints(number)
        for document in range(image.document_total)
    ]
    evaluation.begin_reviews(calls, steps=2000)
    evaluation.advance(1 << 30)
    violations_of(evaluation, lambda *error: error)


def test_sealing_is_right() -> None:
    image = image_of(*PLANS, documents=(DOCUMENT,))

    assert seal(image) == image


def test_maps_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(image_of(PLAN))
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    assert run_plan(load(mapped)).result == CASES[0]["value"]


@pytest.mark.parametrize("shift", range(1, 8))
def test_any_alignment(shift: int) -> None:
    image = memoryview(bytes(shift) + image_of(PLAN))[shift:]

    assert run_plan(load(image)).result == CASES[0]["value"]


def test_every_flipped_byte_is_found() -> None:
    image = image_of(PLAN, documents=(DOCUMENT,))
    for at in range(len(image)):
        damaged = bytearray(image)
        damaged[at] ^= 0x40
        with pytest.raises(ImageError):
            load(bytes(damaged))


def test_every_cut_is_found() -> None:
    image = image_of(PLAN)
    for size in range(len(image)):
        with pytest.raises(ImageError):
            load(image[:size])
    with pytest.raises(ImageError, match="something follows"):
        load(image + b"\0")


@pytest.mark.parametrize("seed", range(6))
def test_sealed_damage_never_crashes(seed: int) -> None:
    """The checksum is right, so the verifier alone stands between us and a crash."""
    choose = random.Random(seed)  # noqa: S311 - repeatable
    image = image_of(*PLANS, documents=(DOCUMENT, DOCUMENT))
    refused = 0
    for _ in range(400):
        damaged = bytearray(image)
        for _ in range(choose.choice((1, 1, 1, 2, 8))):
            at = choose.randrange(64, len(damaged) - 4)
            if choose.random() < 0.5:
                damaged[at] ^= 1 << choose.randrange(8)
            else:
                at &= ~3
                value = choose.choice((0, 1, 8, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
                struct.pack_into("<I", damaged, at, value)
        try:
            loaded = load(seal(damaged))
        except ImageError:
            refused += 1
            continue
        exercise(loaded)

    assert refused > 100


CONSTANTS = ('"a"', "1", '["a",0]', '["code","message"]', "{}", "<1>", "2.5")
FIXED_CONSTANTS = {"path": 2, "what": 3, "message": 0}


def random_operand(
    choose: random.Random, kind: str, what: str, registers: int, starts: list[int]
) -> int:
    """One that is mostly in range; the last register is for builders."""
    if what == "b" and kind in "rd":
        return registers - 1
    if what in ("base", "it"):
        return 0
    if what in FIXED_CONSTANTS:
        return FIXED_CONSTANTS[what]
    match kind:
        case "L":
            return choose.choice(starts)
        case "r" | "d" | "rn":
            return choose.randrange(registers - 1)
        case "k":
            return choose.randrange(len(CONSTANTS))
        case "n":
            return choose.randrange(1, 6 if what == "rel" else 3)
        case "p":
            return 0
    return choose.randrange(2)


def random_program(choose: random.Random) -> EncodedProgram:
    """Instructions without sense."""
    registers = choose.randrange(5, 8)
    functions = []
    for number in range(2):
        codes = [choose.randrange(len(OPCODES)) for _ in range(choose.randrange(3, 25))]
        codes.append(BY_NAME["RETU"])
        starts = []
        at = 0
        for code in codes:
            starts.append(at)
            at += 1 + len(OPCODES[code].operands)
        words: list[int] = []
        for code in codes:
            words.append(code)
            for kind, what in OPCODES[code].operands:
                words.append(random_operand(choose, kind, what, registers, starts))
        functions.append(
            EncodedFunction(f"f{number}", 0, registers, tuple(words), memo=True)
        )
    return EncodedProgram(
        version=PLAN_VERSION,
        constants=CONSTANTS,
        functions=tuple(functions),
        builtins=("to_number", "print_nothing"),
        mocks=("m", "n"),
        locations=(("p.rego", 1, 1),),
        entrypoints={"e": 0},
    )


@pytest.mark.parametrize("seed", range(4))
def test_senseless_code_never_crashes(seed: int) -> None:
    binding = Binding({"to_number": len, "print_nothing": lambda *_: None})
    choose = random.Random(seed)  # noqa: S311 - repeatable
    accepted = 0
    for _ in range(1000):
        assembler = Assembler()
        assembler.add_program(random_program(choose))
        image = assembler.finish()
        try:
            loaded = Image(image, binding=binding)
        except ImageError:
            continue
        accepted += 1
        exercise(loaded)

    assert accepted > 200


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("  CONST r5 1\n  RETU", "no such register"),
        ("  CONST r0 1", "the last instruction runs on"),
        ("  ERR [1] ~\n  RETU", "ERR wants a constant of two texts"),
        ("  INPUTK r0 1 @1\n@1:\n  RETU", "a path is no array"),
        ("  ANEW r0\n  RET r0", "a builder is taken for a value"),
        ("  ANEW r0\n  ARR r1 r0 1\n  RET r1", "a builder is taken for a value"),
        (
            "  CONST r0 1\n@1:\n  MOVE r1 r0\n  SNEW r0\n  JUMP @1",
            "a builder is taken for a value",
        ),
        ("  CALL r0 g r0 @1\n@1:\n  RETU", "a block of registers ends outside"),
        ("  RULE r0 g @1\n@1:\n  RETU", "RULE or TRY calls a function with parameters"),
        ("  BUILTIN r0 count r0 2 @1\n@1:\n  RETU", "wrong number of operands"),
        ("  ITER r1 r0 @1\n@1:\n  RETU", "a block of registers ends outside"),
    ],
)
def test_what_the_verifier_refuses(plan: str, message: str) -> None:
    text = (
        "entry e f\nfunction g params=3 registers=3\n  RETU\n"
        f"function f params=0 registers=2 memo\n{plan}\n"
    )
    with pytest.raises(ImageError, match=message):
        load(image_of(text))


def test_unknown_builtin_is_named() -> None:
    plan = (
        "entry e f\nfunction f params=0 registers=1 memo\n"
        "  BUILTIN r0 no.such r0 0 @1\n@1:\n  RETU\n"
    )
    with pytest.raises(ImageError, match=r"no builtin function no\.such"):
        load(image_of(plan))


def test_another_version_is_named() -> None:
    image = bytearray(image_of(PLAN))
    image[12:16] = (PLAN_VERSION + 1).to_bytes(4, "little")
    with pytest.raises(ImageError, match="of version"):
        load(bytes(image))


def test_many_programs_share_strings_and_documents() -> None:
    one = len(image_of(PLAN, documents=(DOCUMENT,)))
    many = len(image_of(*[PLAN] * 10, documents=(DOCUMENT,) * 10))

    assert many < 8 * one


def test_plans_of_another_version_are_refused() -> None:
    program = encode(parse_program(PLAN))
    wrong = EncodedProgram(**{**program_fields(program), "version": 99})
    with pytest.raises(ValueError, match="version 99"):
        Assembler().add_program(wrong)


def program_fields(program: EncodedProgram) -> dict[str, Any]:
    return {name: getattr(program, name) for name in EncodedProgram.__slots__}


def test_undefined_is_no_document() -> None:
    with pytest.raises(Exception, match="no value of Rego"):
        LibraryBuilder().add_document(UNDEFINED)
