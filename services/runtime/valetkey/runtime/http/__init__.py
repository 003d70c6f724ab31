"""HTTP as every service speaks it: strict forms, bounded sizes, one place for errors. Knows no grant and no page."""
