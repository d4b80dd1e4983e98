"""Commands of `minimascope` that run or keep the service; found through entry points."""
