"""One module a command of `rsstl`, most of them also a file of experiments/.

A command's module has its docstring for help, `define_flags` and `main`. `--help` answers at once,
so that what is heavy (JAX, pandas, matplotlib) loads inside `main` alone.
"""
