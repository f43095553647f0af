"""The counting of cuts in its short form."""
