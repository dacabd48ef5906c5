"""The settings of the mid-band: who belongs to it, what is compared, what each route costs and can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.behavior.parameters import BehaviorParameters


@dataclass(frozen=True)
class NeedsParameters(BehaviorParameters):
    """The parameters of behavioral clusters, for clusters of companies by their needs."""

    basis: Literal["needs"] = "needs"


@dataclass(frozen=True)
class Route:
    """A way to sell to and serve a company. Money is a month, in the reporting currency."""

    monthly_cost: float
    """What serving a company costs."""
    monthly_cost_per_site: float = 0.0
    """What each of its sites adds."""
    headroom_share: float = 0.0
    """Share of a company's headroom that this route is expected to win: an assumption until campaigns tell."""
    margin_share: float = 1.0
    """Share of margin that is left after commission."""
    most_sites: int | None = None
    """Companies with more sites are beyond it; null for no limit."""
    most_contracts: int | None = None
    """Companies with more contracts are beyond it; null for no limit."""

    def __post_init__(self) -> None:
        """Refuse what is neither a share nor a cost."""
        for name in ("headroom_share", "margin_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, found {getattr(self, name)}")
        if min(self.monthly_cost, self.monthly_cost_per_site) < 0:
            raise ValueError("costs must not be negative")


def default_routes() -> dict[str, Route]:
    """Return the routes from cheap to dear, with costs to be replaced by the operator's own."""
    return {
        "digital": Route(4.0, headroom_share=0.02, most_sites=2, most_contracts=5),
        "desk": Route(18.0, 1.0, headroom_share=0.10, most_sites=10, most_contracts=25),
        "field": Route(90.0, 4.0, headroom_share=0.30),
        "partner": Route(6.0, headroom_share=0.12, margin_share=0.80),
    }


@dataclass(frozen=True)
class MidBandParameters:
    """Everything that decides the mid-band besides the data. Values go into the version's settings hash."""

    market_segments: tuple[str, ...] = ("small_business", "medium_business")
    """Market segments that are looked at; schools and public bodies buy by tender."""
    minimum_employees: int = 10
    """Of the whole group."""
    maximum_employees: int = 999
    """The same: more staff is an enterprise."""
    minimum_revenue: int = 2_000_000
    """A year, of the whole group; decides where the number of employees is not known."""
    maximum_revenue: int = 1_000_000_000
    """The same: more revenue is an enterprise."""
    staff_bands: tuple[int, ...] = (10, 20, 50, 100, 250, 500)
    """Where the bands of staff begin against which needs have to prove themselves."""
    reseller_sales_channels: tuple[str, ...] = ("reseller", "partner", "agent", "wholesale")
    """Values of sales_channel that mean that somebody else sold the contract."""
    clusters: NeedsParameters = field(default_factory=NeedsParameters)
    look_alikes: int = 25
    """Companies that a company is compared with; where they are few, a tenth of them."""
    look_alike_sample: int = 5_000
    """Companies among which look-alikes are sought."""
    minimum_companies: int = 50
    """Companies below which nobody is compared with anybody."""
    elsewhere_uptake: float = 0.6
    """Share of look-alikes from which a family that a company lacks is taken to be bought elsewhere."""
    routes: Mapping[str, Route] = field(default_factory=default_routes)
    """Ways to sell to and serve a company, from cheap to dear, with the operator's own costs."""

    def __post_init__(self) -> None:
        """Refuse routes by which some company could not be served."""
        if not any(route.most_sites is None and route.most_contracts is None for route in self.routes.values()):
            raise ValueError("at least one of the routes must have neither most_sites nor most_contracts")
        if not 0 < self.minimum_employees <= self.maximum_employees:
            raise ValueError("minimum_employees must be at least 1 and no more than maximum_employees")
        if list(self.staff_bands) != sorted(set(self.staff_bands)) or not self.staff_bands:
            raise ValueError("staff_bands must rise")
