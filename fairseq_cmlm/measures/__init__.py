"""Measures of translations and other answers; none needs torch."""
