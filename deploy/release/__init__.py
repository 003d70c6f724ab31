"""Makes a release: one version in every file that names it, and the files that are published."""
