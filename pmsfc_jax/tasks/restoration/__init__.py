"""Restoration: several small inversions through a degradation, their mean, and how sure it is."""
