"""Who is eligible, and how many distinct people each campaign reached in each cell."""
