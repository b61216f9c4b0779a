"""Reading published checkpoints, converting them, and keeping converted ones."""
