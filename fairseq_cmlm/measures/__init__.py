"""Measures of translations: torch is not needed."""
