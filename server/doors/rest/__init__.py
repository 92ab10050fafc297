"""The REST door: RPCs over HTTP and JSON by their google.api.http rules, and the HTTP routes of APIs."""
