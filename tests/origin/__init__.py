"""One complete upload to the origin: what it gets, and what we may say afterwards."""
