"""What inversion is used for. Restoration: see `degradations` and `restore`."""
