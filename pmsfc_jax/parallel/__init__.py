"""Spreading a batch over devices."""
