"""Strapi: bulk orders that editors keep in a content management system."""

from resources.strapi.entries import flat
from resources.strapi.source import Collection
from resources.strapi.system import STRAPI, StrapiConfig, StrapiCredentials

__all__ = ["STRAPI", "Collection", "StrapiConfig", "StrapiCredentials", "flat"]
