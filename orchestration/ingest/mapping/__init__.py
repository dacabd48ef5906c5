"""The settings' expressions bound to the contract, typed and checked value by value."""
