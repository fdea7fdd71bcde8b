#!/usr/bin/env python
"""Starts Django's own commands; nothing else."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
