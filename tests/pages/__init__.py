"""The pages for people, in a real browser, and the figures for Prometheus."""
