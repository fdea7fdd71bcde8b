#!/usr/bin/env python
"""Starts Django's own commands; nothing else."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")
    # A migration may build an index for longer than a page may take.
    os.environ.setdefault("ZOO_STATEMENT_SECONDS", "0")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
