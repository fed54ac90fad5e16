"""What starts runs by itself: sensors, schedules and the jobs they start."""
