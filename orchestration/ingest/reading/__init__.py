"""Which source files there are, whether their text is whole, and how each format is opened."""
