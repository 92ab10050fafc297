"""The suite: databases/ is its harness, the other folders are named for what they prove."""
