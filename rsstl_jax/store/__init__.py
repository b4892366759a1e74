"""What touches the disk: files written whole, locks, signals, states, the folder of a run."""
