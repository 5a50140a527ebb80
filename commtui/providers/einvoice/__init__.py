"""E-invoice documents: read, and checked before they leave, from the bytes that are sent."""
