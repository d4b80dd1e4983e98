"""What the rooms say to one another: documents, problems, settings. No framework but pydantic."""
