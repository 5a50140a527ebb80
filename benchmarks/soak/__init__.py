"""Long seeded proofs, round after round on both databases; what was finished is kept, and a proof is one function.

`python -m benchmarks.soak` starts anew, `… continue` goes on after the last round that was finished.
"""
