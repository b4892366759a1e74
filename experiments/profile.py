"""Runs `rsstl profile` from a checkout; --help explains it."""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("profile")
