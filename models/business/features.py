"""What a mid-size company needs: columns of `features.mid_band_features`, declared as data."""

from models.clusters.feature_space import Feature, FeatureScheme

FAMILIES = ("internet", "fixed_voice", "mobile", "cloud", "security", "tv")
"""Product families a company may buy here or elsewhere."""

FEATURES: tuple[Feature, ...] = (
    Feature("sites", "sites", "amount", "many-site", "single-site"),
    Feature("internet_lines", "sites", "amount", "many-line", "few-line"),
    Feature("has_fixed_voice", "voice", "flag", "with fixed voice", "without fixed voice"),
    Feature("fixed_voice_lines", "voice", "amount", "with many voice lines"),
    Feature("has_mobile", "mobile", "flag", "with mobile", "without mobile"),
    Feature("mobile_lines", "mobile", "amount", "with many mobile lines"),
    Feature("has_cloud", "cloud", "flag", "with cloud", "without cloud"),
    Feature("cloud_lines", "cloud", "amount", "with much cloud"),
    Feature("has_security", "security", "flag", "with security", "without security"),
    Feature("security_lines", "security", "amount", "with much security"),
    Feature("has_tv", "tv", "flag", "with TV"),
    Feature("tv_lines", "tv", "amount", "with much TV"),
    Feature("download_mbps", "service", "amount", "fast-line", "slow-line"),
    Feature("fiber_share", "service", "share", "fiber", "copper and cable"),
    Feature("has_static_ip", "service", "flag", "static-address"),
    Feature("outage_minutes_3m", "service", "amount", "often-disturbed"),
    Feature("term_months", "service", "amount", "long-term", "termless"),
    Feature("gb_month_3m", "traffic", "amount", "heavy", "light"),
    Feature("business_hours_share_3m", "traffic", "share", "office-hours", "round-the-clock"),
    Feature("contracts_added_12m", "growth", "amount", "expanding"),
    Feature("contracts_ended_12m", "growth", "amount", "shrinking"),
    Feature("contacts_3m", "contacts", "amount", "often-calling"),
    Feature("complaints_3m", "contacts", "amount", "complaining"),
    Feature("employees", "size", "amount", "larger", "smaller"),
)

# What is bought tells most of what is needed, each family alike. How it goes (growth, contacts) is of the moment and
# only colours that; the number of employees is not a need, and is known without any cluster.
WEIGHTS = {
    "sites": 1.0,
    "voice": 1.0,
    "mobile": 1.0,
    "cloud": 1.0,
    "security": 1.0,
    "tv": 0.3,
    "service": 0.4,
    "traffic": 0.3,
    "growth": 0.3,
    "contacts": 0.2,
}

NEEDS = FeatureScheme(
    "needs",
    FEATURES,
    WEIGHTS,
    noun="companies",
    # The noun has a place of its own: "many-site companies with cloud".
    word_order=(
        *("contacts", "growth", "service", "traffic", "sites", "noun"),
        *("cloud", "security", "voice", "mobile", "tv"),
    ),
    noun_group="noun",
    level=None,
    quiet=("service", "traffic", "growth", "contacts"),
    # Products are few values: neighbours in them are the same, and have no shape to learn.
    has_local_metric=False,
    everybody="All mid-size companies",
    ignored_reasons={"size": "known of a company before it is a customer, and no need"},
)

# Look-alikes are alike in size too.
LOOK_ALIKE_WEIGHTS = WEIGHTS | {"size": 1.0}


def scheme_without(family: str) -> FeatureScheme:
    """Return the scheme of look-alikes without a product family, so that holding it does not make companies alike.

    What the lines of a family say goes with it: speed, term and traffic are those of internet lines. Sites stay in:
    nobody sells a company a second site.
    """
    says_it = {f"has_{family}", f"{family}_lines"}
    groups = {"service", "traffic"} if family == "internet" else set()
    kept = tuple(each for each in FEATURES if each.name not in says_it and each.group not in groups)
    return FeatureScheme(f"needs without {family}", kept, LOOK_ALIKE_WEIGHTS, has_local_metric=False)
