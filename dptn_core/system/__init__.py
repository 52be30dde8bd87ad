"""The machine underneath: files written whole, devices and number formats, memory, cores and processes."""
