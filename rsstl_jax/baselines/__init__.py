"""What the paper and its users compare with: kNN, sequential and collective transfer."""
