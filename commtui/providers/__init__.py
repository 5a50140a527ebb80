"""One file per provider, with everything about it: sending, webhooks, status table, what a failure means."""
