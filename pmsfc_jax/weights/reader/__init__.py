"""Read checkpoint files without torch and without running anything in them; needs only numpy."""
