"""Restorations compared: what was lost (columns), who restores (rows), and how well."""
