"""The routes of the pages. Each page group keeps its views in zoo/web/views/."""

from django.conf import settings
from django.urls import path

from zoo.web.views import (
    account,
    catalog,
    compare,
    docs,
    health,
    home,
    leaderboard,
    licensing,
    lineage,
    problems,
    proposals,
    styleguide,
    theme,
    timeline,
)

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
    path("models/", catalog.model_list, name="models"),
    path("models/propose/", proposals.propose, name="propose"),
    path("models/<str:alias>/", catalog.model_by_alias, name="model-by-alias"),
    path("models/<str:org>/<str:name>/", catalog.model_page, name="model"),
    path("models/<str:org>/<str:name>/propose/", proposals.correct, name="propose-correction"),
    path("models/<str:org>/<str:name>/lineage/", lineage.show, name="lineage"),
    path("models/<str:org>/<str:name>/lineage.dot", lineage.dot, name="lineage-dot"),
    path("models/<str:org>/<str:name>/lineage.svg", lineage.svg, name="lineage-svg"),
    path("proposals/", proposals.listed, name="proposals"),
    path("proposals/<uuid:proposal_id>/", proposals.show, name="proposal"),
    path("proposals/<uuid:proposal_id>/decide/", proposals.decide, name="proposal-decide"),
    path("timeline/", timeline.timeline, name="timeline"),
    path("glossary/", timeline.glossary, name="glossary"),
    path("starting-points/", timeline.starting_points, name="starting-points"),
    path("disputes/", catalog.disputes, name="disputes"),
    path("scores/unattached/", catalog.unattached_scores, name="unattached"),
    path("compare/", compare.show, name="compare"),
    path("licenses/", licensing.index, name="licenses"),
    path("licenses/check/", licensing.check, name="license-check"),
    path("licenses/changes/", licensing.changes, name="license-changes"),
    path("licenses/<str:key>/", licensing.detail, name="license"),
    path("badges/<str:org>/<str:name>/license.svg", licensing.badge, name="license-badge"),
    path("docs/", docs.index, name="docs"),
    path("docs/images/<str:name>", docs.picture, name="docs-picture"),
    path("docs/<path:slug>/", docs.document, name="docs-document"),
    path("problems/", problems.catalog, name="problems"),
    path("problems/<slug:code>/", problems.entry, name="problem"),
]
if settings.DEBUG:
    urlpatterns += [path("styleguide/", styleguide.show, name="styleguide")]
