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
    """Monthly cost of serving a company."""
    monthly_cost_per_site: float = 0.0
    """Additional monthly cost per site."""
    headroom_share: float = 0.0
    """Share of a company's headroom that this route is expected to win; an assumption until there are results."""
    margin_share: float = 1.0
    """Share of margin that is left after commission."""
    most_sites: int | None = None
    """Most sites of a company that the route can serve; null for no limit."""
    most_contracts: int | None = None
    """Most contracts of a company that the route can serve; null for no limit."""

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
    """Everything except the data that decides the segments of mid-size companies. The values are part of the
    version's settings hash."""

    market_segments: tuple[str, ...] = ("small_business", "medium_business")
    """Market segments to include; schools and public bodies buy by tender."""
    minimum_employees: int = 10
    """Of the whole group."""
    maximum_employees: int = 999
    """Of the whole group; more is an enterprise."""
    minimum_revenue: int = 2_000_000
    """Yearly, of the whole group; used if the number of employees is unknown."""
    maximum_revenue: int = 1_000_000_000
    """Yearly, of the whole group; more is an enterprise."""
    staff_bands: tuple[int, ...] = (10, 20, 50, 100, 250, 500)
    """First number of employees of each staff band, the baseline that needs have to beat."""
    reseller_sales_channels: tuple[str, ...] = ("reseller", "partner", "agent", "wholesale")
    """Values of sales_channel that mean that a reseller sold the contract."""
    clusters: NeedsParameters = field(default_factory=NeedsParameters)
    look_alikes: int = 25
    """Number of look-alikes of a company; a tenth of all companies if these are few."""
    look_alike_sample: int = 5_000
    """Largest number of companies among which look-alikes are searched."""
    minimum_companies: int = 50
    """Fewest companies for any comparison."""
    elsewhere_uptake: float = 0.6
    """Share of look-alikes that hold a family from which a company that lacks it is assumed to buy it elsewhere."""
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
