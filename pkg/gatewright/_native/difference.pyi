from gatewright._native.document import Doc
from gatewright._native.evaluation import Evaluation

def difference(evaluation: Evaluation, old: Doc, new: Doc) -> bytes: ...
