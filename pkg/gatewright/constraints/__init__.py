"""Templates and constraints: a review in, responses out."""
