"""Gates: enrolled, asked at the door, and merged after they were alone."""
