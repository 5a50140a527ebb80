"""The two tabs and the panels over them: state, calls to the desk in threads, handlers."""
