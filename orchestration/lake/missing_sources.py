"""What the segments lack if a table of the source contract is missing, in words."""

# What the segments lack, by missing table of the source contract.
WITHOUT: dict[str, str] = {
    "customers": "there is nobody to segment",
    "contracts": "nobody is open, and neither retention nor future value can be computed",
    "usage": "clusters rest on products and billing, and no stage can be reached by dormancy or falling usage",
    "usage_sessions": "daily usage is not counted from sessions either",
    "calls": "calls and messages are not known, and clusters leave them out",
    "invoices": "there is no revenue, so past value is not known",
    "payments": "late payment, failed payment and autopay are not known, and nothing is written off as unpaid",
    "interactions": "contacts and complaints are not known, and service cost leaves them out",
    "service_quality": "outages are not known",
    "balances": "prepaid balances are not known",
    "consents": "consent is taken from customers, and a withdrawal counts only once it is there",
    "contacts": "only the actions chosen here count towards how often a customer is contacted",
    "responses": "what comes of actions is not known, and uptake stays as the settings expect it",
    "plans": "plan fit has no plans to compare with",
    "price_changes": "announced price rises are not known",
    "customer_attributes": "clusters and profiles have no attributes of your own",
    "exchange_rates": "amounts in any other currency than the reporting one are set aside",
}

# Tables that can replace each other: if one is there, the other is not reported as missing.
ALTERNATIVES: dict[str, str] = {"usage": "usage_sessions", "usage_sessions": "usage"}
