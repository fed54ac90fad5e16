"""Stand-in of Vercel: log drains."""
