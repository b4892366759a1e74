"""The network that knows no site: episodes, training, weights, cross-fitting, teacher outputs."""
