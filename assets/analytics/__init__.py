"""What analysts read: the views of the schema ``analytics``, shown at the end of the graph."""
