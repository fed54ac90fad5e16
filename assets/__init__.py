"""What is synced: one folder per entity, in it one file per system and one for the core rows."""
