"""The picture room: pages and pure figure functions over the REST API."""
