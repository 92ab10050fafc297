"""The REST door: methods behind HTTP and JSON by their google.api.http rules."""
