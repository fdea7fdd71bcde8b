"""The tables of publishing: releases, scores from files of others, and webhooks."""

from zoo.publishing.models.imported import ImportedFile, ImportedScore
from zoo.publishing.models.releases import Release
from zoo.publishing.models.webhooks import Attempt, Delivery, Webhook

__all__ = ["Attempt", "Delivery", "ImportedFile", "ImportedScore", "Release", "Webhook"]
