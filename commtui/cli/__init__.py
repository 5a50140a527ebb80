"""The command line: no logic of its own, and nothing heavy is imported before a command needs it."""
