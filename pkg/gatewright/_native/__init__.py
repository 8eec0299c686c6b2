"""The doors to the compiled evaluator: names re-exported, no logic."""
