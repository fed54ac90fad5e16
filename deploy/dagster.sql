-- Run once by the postgres image when its volume is empty: the Dagster instance's own database.
CREATE DATABASE dagster;
