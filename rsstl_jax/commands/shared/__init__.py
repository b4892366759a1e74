"""What the commands share: their flags, the check of a command line, help, a line of progress."""
