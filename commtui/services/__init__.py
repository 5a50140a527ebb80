"""Use cases: what an operator, a worker or a webhook can do. Plain calls in, frozen values out."""
