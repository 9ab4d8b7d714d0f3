"""The phone's small screen, pixel by pixel. Pure."""
