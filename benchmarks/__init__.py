"""Long proofs (`make soak`) and measurements against something measured in the same run (`make bench`)."""
