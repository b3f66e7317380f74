"""The database: its tables, its sessions, its migrations, and the embedded Postgres."""
