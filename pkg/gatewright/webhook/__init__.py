"""The HTTPS edge: decode a review, call the decision, encode the answer."""
