"""What starts by itself: schedules and sensors, deadlines, deliveries, health.

Other packages import every module.
"""
