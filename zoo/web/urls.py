"""The routes of the pages. Each page group keeps its views in zoo/web/views/."""

from django.conf import settings
from django.urls import path

from zoo.web.views import account, docs, health, home, leaderboard, problems, styleguide, theme

app_name = "web"

urlpatterns = [
    path("", home.show, name="home"),
    path("lineage/", home.lineage_door, name="lineage-door"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("theme/", theme.choose, name="theme"),
    path("login/", account.sign_in, name="login"),
    path("logout/", account.sign_out, name="logout"),
    path("welcome/<str:ticket>/", account.welcome, name="welcome"),
    path("account/", account.show, name="account"),
    path("account/password/", account.change_password, name="password"),
    path("account/tokens/", account.create_token, name="token-create"),
    path("account/tokens/<int:token_id>/revoke/", account.revoke_token, name="token-revoke"),
    path("leaderboard/", leaderboard.show, name="leaderboard"),
    path("leaderboard/chart.<str:form>", leaderboard.chart, name="leaderboard-chart"),
    path("docs/", docs.index, name="docs"),
    path("docs/images/<str:name>", docs.picture, name="docs-picture"),
    path("docs/<path:slug>/", docs.document, name="docs-document"),
    path("problems/", problems.catalog, name="problems"),
    path("problems/<slug:code>/", problems.entry, name="problem"),
]
if settings.DEBUG:
    urlpatterns += [path("styleguide/", styleguide.show, name="styleguide")]
