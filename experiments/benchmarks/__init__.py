"""What experiments/benchmark.py times; PyTorch is met here alone."""
