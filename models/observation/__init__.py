"""From when on endings and attributes are recorded."""
