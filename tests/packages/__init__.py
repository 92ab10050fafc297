"""Pipeline packages: their texts, their files and the URLs they come from."""
