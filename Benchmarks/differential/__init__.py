"""What `Benchmarks/differential.py` is made of; see there."""
