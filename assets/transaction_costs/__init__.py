"""Transaction costs: what gateways charge for payments, refunds and disputes."""
