"""Stand-in of Elasticsearch: the bulk API of a data stream, as far as a log shipper needs it."""
