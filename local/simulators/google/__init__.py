"""The Google simulator: Gmail, OAuth and Pub/Sub pushes as the vendor's own client sees them."""
