"""For tests of what runs on the runtime: the pytest plugin, which every installation brings along."""
