"""Past and predicted future value of customers, and its distribution."""
