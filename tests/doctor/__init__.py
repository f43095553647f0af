"""The examination from the client's side: what is made of what was seen, and seeing."""
