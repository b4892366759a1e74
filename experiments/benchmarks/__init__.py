"""What experiments/benchmark.py times; PyTorch is met here alone."""

import sys

# PyTorch imports Python's own `profile`, which experiments/profile.py would hide.
sys.path.append(sys.path.pop(0))
