"""People, their roles, and their access tokens."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db import models


class Scope(models.TextChoices):
    """What a token may do. Each scope includes the ones before it."""

    READ = "read"
    SUBMIT = "submit"
    CURATE = "curate"
    OPERATE = "operate"

    def covers(self, needed: Scope) -> bool:
        """Whether this scope is at least the needed one."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)


class User(AbstractUser):
    """A person. The role is the widest scope that the person's session and tokens may have."""

    role = models.CharField(max_length=16, choices=Scope.choices, default=Scope.READ)

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Scope.values), name="user_role_is_known")
        ]

    def may(self, needed: Scope) -> bool:
        """Whether the person's role covers the scope."""
        return self.is_active and Scope(self.role).covers(needed)


class AccessToken(models.Model):
    """A token, by its digest. The token itself is shown once and never stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=12)
    """The first characters, by which its owner recognizes it."""
    scope = models.CharField(max_length=16, choices=Scope.choices)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(scope__in=Scope.values), name="token_scope_is_known")
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"

    def is_live(self, now: datetime) -> bool:
        """Whether the token is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
