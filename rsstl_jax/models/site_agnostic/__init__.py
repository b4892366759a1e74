"""The parts of the site-agnostic network: settings, support, tokens, network."""
