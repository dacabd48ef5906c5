"""Groups of commands of ``segmentation``, each in a module of its own, and what all commands share."""
