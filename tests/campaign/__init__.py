"""The campaign in its short form."""
