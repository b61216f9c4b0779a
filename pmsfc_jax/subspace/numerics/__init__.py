"""The numerical methods of discovery: arrays in, arrays out. Nothing here knows a generator."""
