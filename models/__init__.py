"""Segmentation models: frames and parameters in, frames out, scikit-learn conventions."""
