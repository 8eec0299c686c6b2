"""The door to the compiled evaluator: names re-exported, no logic.

The engine alone imports it.
"""

from gatewright._native.answer import answer_of
from gatewright._native.arrival import Arrival, Route, receive
from gatewright._native.assemble import Assembler
from gatewright._native.builtin import BuiltinError as NativeBuiltinError
from gatewright._native.builtin import builtin_names
from gatewright._native.builtin import call as call_builtin
from gatewright._native.catalog import Catalog, CatalogError, View
from gatewright._native.convert import (
    UNDEFINED,
    JsonError,
    LimitError,
    Number,
    Object,
    Set,
    UndefinedType,
    compare_python,
    integer_text,
)
from gatewright._native.difference import difference
from gatewright._native.document import Arena, Doc
from gatewright._native.edit import Edit, NotPlain, alike, share
from gatewright._native.evaluation import Evaluation
from gatewright._native.image import Image, ImageError
from gatewright._native.index import IndexSet
from gatewright._native.lib_regex import set_regex
from gatewright._native.query import Question
from gatewright._native.roster import Roster
from gatewright._native.segment import SegmentWriter, room_for
from gatewright._native.tally import tally
from gatewright._native.verdicts import costs_of, violations_of
from gatewright._native.work import (
    OverBudget,
    cancelled,
    charge,
    older,
    reserve,
    time_left,
)

__all__ = [
    "UNDEFINED",
    "Arena",
    "Arrival",
    "Assembler",
    "Catalog",
    "CatalogError",
    "Doc",
    "Edit",
    "Evaluation",
    "Image",
    "ImageError",
    "IndexSet",
    "JsonError",
    "LimitError",
    "NativeBuiltinError",
    "NotPlain",
    "Number",
    "Object",
    "OverBudget",
    "Question",
    "Roster",
    "Route",
    "Set",
    "UndefinedType",
    "alike",
    "answer_of",
    "builtin_names",
    "call_builtin",
    "cancelled",
    "charge",
    "compare_python",
    "costs_of",
    "difference",
    "integer_text",
    "receive",
    "older",
    "reserve",
    "SegmentWriter",
    "View",
    "room_for",
    "set_regex",
    "share",
    "tally",
    "time_left",
    "violations_of",
]
