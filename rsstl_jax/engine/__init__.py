"""How anything is trained: a network at a site, the compiled loop, the state, replicas.

Parameters, readings and draws are float32 on the device whatever jax_enable_x64 says; only the
masks of Flax's dropout are drawn in JAX's default dtype. No array on the device holds a NaN.
"""
