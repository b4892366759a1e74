"""What touches the disk: whole files, locks, signals, saved states, the folder of a run."""
