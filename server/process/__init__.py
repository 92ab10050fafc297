"""The process around the server: workers, logs, metrics, health."""
