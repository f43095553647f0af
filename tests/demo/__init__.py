"""The page of the demonstration in Chromium, its script, and tus-js-client there."""
