"""Finding source files, checking that their text is complete, and opening each format."""
