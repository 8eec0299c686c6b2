"""The doors to the compiled evaluator: names re-exported, no logic.

core       values, images and evaluations; the engine alone opens it
plans      passes over the code of plans; the planner alone opens it
trees      tokens, nodes and walks over the syntax tree; the front end alone opens it
admission  an admission request's parts; constraints alone open it
edge       counters in shared memory; the edge alone opens it

The other modules here are compiled from native/gatewright/_native; each has its
stub beside it. Python reaches them through a door only.
"""
