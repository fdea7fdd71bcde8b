"""REST for webhooks: subscribing, trying it out, and the log of deliveries. Each person sees their own."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from zoo.accounts.models import Scope, User
from zoo.api import pages
from zoo.publishing import events, webhooks
from zoo.publishing.models import Delivery, Webhook


class WebhookSerializer(serializers.Serializer[Webhook]):
    """A subscription."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_reason = serializers.CharField()


class MadeWebhookSerializer(WebhookSerializer):
    """A new subscription with the secret that its messages are signed with."""

    secret = serializers.CharField()


class NewWebhookSerializer(serializers.Serializer[Any]):
    """Where to send, and what."""

    url = serializers.URLField(max_length=500)
    events = serializers.ListField(child=serializers.ChoiceField(choices=list(events.KINDS)), min_length=1)


class AttemptSerializer(serializers.Serializer[Any]):
    """One try: the HTTP status, or the trouble there was."""

    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True)
    trouble = serializers.CharField()
    seconds = serializers.FloatField()


class DeliverySerializer(serializers.Serializer[Delivery]):
    """One message to a webhook, with every try to deliver it."""

    id = serializers.UUIDField()
    event = serializers.CharField()
    subject = serializers.CharField()
    state = serializers.CharField(help_text="waiting, delivered or given_up")
    body = serializers.CharField(help_text="The exact text that is signed.")
    created_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    attempts = AttemptSerializer(many=True)


class _Own(APIView):
    """Webhooks are for their owner alone, reading included."""

    required_scope = Scope.SUBMIT
    read_scope = Scope.SUBMIT

    def one(self, request: Request, webhook_id: UUID) -> Webhook:
        """The webhook of whoever asks. Raises WebhookNotFound."""
        return webhooks.webhook_of(cast(User, request.user), webhook_id)


class WebhookList(_Own):
    """GET and POST webhooks/"""

    @extend_schema(operation_id="webhooks_list", responses=WebhookSerializer(many=True), tags=["webhooks"])
    def get(self, request: Request) -> Response:
        """Your webhooks, newest first."""
        rows = webhooks.live(cast(User, request.user))
        return pages.listed(self, request, rows, WebhookSerializer, ordering=("-created_at", "-id"))

    @extend_schema(
        operation_id="webhooks_create",
        request=NewWebhookSerializer,
        responses={201: MadeWebhookSerializer},
        tags=["webhooks"],
    )
    def post(self, request: Request) -> Response:
        """Subscribes an address to events. The answer holds the secret that messages are signed with."""
        given = NewWebhookSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        made = webhooks.subscribe(
            url=given.validated_data["url"],
            events=given.validated_data["events"],
            acting_user=cast(User, request.user),
            now=timezone.now(),
        )
        body = {**WebhookSerializer(made.webhook).data, "secret": made.secret}
        address = request.build_absolute_uri(f"/api/v1/webhooks/{made.webhook.pk}/")
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": address})


class WebhookDetail(_Own):
    """GET and DELETE webhooks/{id}/"""

    @extend_schema(operation_id="webhooks_retrieve", responses=MadeWebhookSerializer, tags=["webhooks"])
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """One webhook with its secret."""
        webhook = self.one(request, webhook_id)
        return Response({**WebhookSerializer(webhook).data, "secret": webhooks.secret_of(webhook)})

    @extend_schema(operation_id="webhooks_end", responses={204: None}, tags=["webhooks"])
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Ends a webhook. What was not delivered yet is given up."""
        webhook = self.one(request, webhook_id)
        user = cast(User, request.user)
        webhooks.end(webhook=webhook, reason="ended by its owner", acting_user=user, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class WebhookPing(_Own):
    """POST webhooks/{id}/ping/"""

    @extend_schema(
        operation_id="webhooks_ping", request=None, responses={202: DeliverySerializer}, tags=["webhooks"]
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Queues a message of the type ``ping``, to try the webhook out."""
        delivery = webhooks.ping(webhook=self.one(request, webhook_id), now=timezone.now())
        return Response(DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)


class WebhookDeliveries(_Own):
    """GET webhooks/{id}/deliveries/"""

    @extend_schema(
        operation_id="webhooks_deliveries", responses=DeliverySerializer(many=True), tags=["webhooks"]
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """The log: what was sent or waits, with every try, newest first."""
        rows = webhooks.deliveries_of(self.one(request, webhook_id))
        return pages.listed(self, request, rows, DeliverySerializer, ordering=("-created_at", "-id"))


class DeliveryAgain(_Own):
    """POST webhooks/{id}/deliveries/{delivery}/again/"""

    @extend_schema(
        operation_id="webhooks_deliver_again",
        request=None,
        responses={202: DeliverySerializer},
        tags=["webhooks"],
    )
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Queues a delivery once more. It keeps its id, by which the receiver knows it."""
        delivery = webhooks.deliver_again(
            webhook=self.one(request, webhook_id), delivery_id=delivery_id, now=timezone.now()
        )
        return Response(DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)


_ONE = "webhooks/<uuid:webhook_id>/"
routes = [
    path("webhooks/", WebhookList.as_view(), name="webhooks"),
    path(_ONE, WebhookDetail.as_view(), name="webhook"),
    path(f"{_ONE}ping/", WebhookPing.as_view(), name="webhook-ping"),
    path(f"{_ONE}deliveries/", WebhookDeliveries.as_view(), name="webhook-deliveries"),
    path(
        f"{_ONE}deliveries/<uuid:delivery_id>/again/", DeliveryAgain.as_view(), name="webhook-deliver-again"
    ),
]
