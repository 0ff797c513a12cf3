"""What starts by itself: schedules and sensors, deadlines, deliveries, health."""
