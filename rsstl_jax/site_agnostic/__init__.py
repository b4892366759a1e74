"""The network that knows no site: episodes, training, weights, temperature, teacher outputs."""
