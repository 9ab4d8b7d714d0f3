"""Conversations by text message."""
