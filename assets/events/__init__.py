"""Events of senders without a module of their own."""
