"""What a Saleor shop asks of us beside taking its events: to be installed, and to answer."""
