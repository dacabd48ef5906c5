"""The settings' expressions bound to the contract, typed and judged value by value."""
