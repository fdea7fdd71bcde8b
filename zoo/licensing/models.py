"""Verdicts kept ready per model and intended use, and every change of one. License texts stay in data files."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from zoo.catalog.models import Model

WORDS = ["allowed", "conditions", "unknown", "prohibited"]


class RuleSet(models.Model):
    """A version of the rules that verdicts were computed with."""

    version = models.CharField(max_length=40, unique=True)
    first_used_at = models.DateTimeField()
    swept_at = models.DateTimeField(null=True, blank=True)
    """Everything that was recorded before this has been judged with it."""
    texts = models.PositiveIntegerField()
    rules = models.PositiveIntegerField()

    class Meta:
        ordering = ["-first_used_at", "-id"]

    def __str__(self) -> str:
        return self.version


class Standing(models.Model):
    """What the rules say about one model for every intended use: ``{use: {verdict, rule, license}}``."""

    model = models.OneToOneField(
        Model, primary_key=True, on_delete=models.CASCADE, related_name="license_standing"
    )
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="+")
    verdicts = models.JSONField()
    computed_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    """When a verdict last became another."""

    class Meta:
        ordering = ["model"]

    def __str__(self) -> str:
        return f"{self.model_id}"


class VerdictChange(models.Model):
    """A verdict that became another one. Rows are only added."""

    class Cause(models.TextChoices):
        RULES = "rules", "the rules changed"
        CATALOG = "catalog", "the lineage or a license changed"

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="verdict_changes")
    use = models.CharField(max_length=16)
    before = models.CharField(max_length=12)
    after = models.CharField(max_length=12)
    before_rule = models.CharField(max_length=80, default="", blank=True)
    after_rule = models.CharField(max_length=80, default="", blank=True)
    cause = models.CharField(max_length=8, choices=Cause.choices)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="changes")
    """The rules that gave the new verdict."""
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["model", "-at"], name="verdict_change_by_model"),
            models.Index(fields=["rule_set", "-at"], name="verdict_change_by_rules"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(before__in=WORDS) & Q(after__in=WORDS), name="verdict_change_words"
            ),
            models.CheckConstraint(condition=~Q(before=models.F("after")), name="verdict_change_is_one"),
            models.CheckConstraint(
                condition=Q(cause__in=["rules", "catalog"]), name="verdict_change_cause_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_id} {self.use}: {self.before} to {self.after}"
