"""The pages of the web UI, without a browser: what stands in them, where their links lead, what they refuse."""
