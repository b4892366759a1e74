"""The configuration: one schema, its rules, what contradicts, overrides, recipes."""
