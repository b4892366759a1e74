"""The paper: specialise (phase 0), expert training (phase 1), expert distilling (phase 2)."""
