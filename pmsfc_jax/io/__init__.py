"""Files in and out: photographs to pixels, pictures and text to disk."""
