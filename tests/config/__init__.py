"""The configuration: values by tables, messages word for word, documents kept equal."""
