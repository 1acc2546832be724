"""Who may call what: roles and permissions, scopes that documents ask for, operations that look administrative."""
