"""Routers: parse, one flow, a schema. They see no transaction."""
