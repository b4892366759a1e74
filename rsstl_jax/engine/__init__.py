"""How anything is trained: a network at a site, the compiled loop, the state, replicas."""
