"""Rendering: tables and facts as Markdown, JSON and plots; traces as pages and pictures."""
