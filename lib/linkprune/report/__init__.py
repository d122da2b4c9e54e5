"""The page that shows a run: environment, provenance, figures; page puts it together."""
