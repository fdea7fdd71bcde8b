"""Runners take a spec and give a report. Only the child process imports the heavy ones."""
