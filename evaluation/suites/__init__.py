"""Versioned lists of tasks with capability, metric, chance and items, as data; and how to read them."""
