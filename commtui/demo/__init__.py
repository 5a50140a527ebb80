"""Practice: stand-ins for the providers that speak their wire formats, and data to practise on."""
