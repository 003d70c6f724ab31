"""The documentation as a site: pages that stand beside what they describe, gathered and checked."""
