"""Tables and facts as Markdown, JSON and plots, whatever they show."""
