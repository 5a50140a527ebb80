"""Mutation testing of what decides whether something is sent: one small change at a time, which a test must notice."""
