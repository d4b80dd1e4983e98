"""Agents ask through the Model Context Protocol: tools, resources, pictures (`minimascope mcp`)."""
