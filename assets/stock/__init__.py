"""Stock: how much of each variant lies in which warehouse."""
