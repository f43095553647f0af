"""The words of every version, against tables written from the protocol."""
