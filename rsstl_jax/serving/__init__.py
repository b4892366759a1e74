"""Locators in use: ensembles, what is saved of them, their calibration."""
