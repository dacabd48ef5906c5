"""Past and predicted future value of a customer, and how it is spread."""
