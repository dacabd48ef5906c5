"""Customers without a contract that ends: activity, spend and value."""
