"""Actions: what each is worth, one per customer and day, who is held out, and the results."""
