"""Published weights: a catalogue of them, and how each is fetched and verified."""
