"""The compile stages, one file per stage or small family."""
