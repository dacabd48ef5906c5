"""Actions: the value of each, one per customer and day, who is held out, and the results."""
