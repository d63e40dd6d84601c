"""Synthetic canteen trays with exact ground truth, for training and held-out evaluation."""
