"""HTML: templates, models, files and headers."""
