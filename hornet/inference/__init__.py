"""Sources -> pipeline -> sinks: what turns the arguments of ``hornet predict`` into rows."""
