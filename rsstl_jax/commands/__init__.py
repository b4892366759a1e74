"""One module a command of `rsstl`; each is also a file of experiments/."""
