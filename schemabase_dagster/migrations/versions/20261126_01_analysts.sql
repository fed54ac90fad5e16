CREATE TABLE platform.analyst_access (
    role TEXT NOT NULL,
    tenant_id UUID NOT NULL,
    granted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT analyst_access_pkey PRIMARY KEY (role, tenant_id),
    CONSTRAINT analyst_access_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

COMMENT ON TABLE platform.analyst_access IS 'Which database roles read which tenants in core and analytics';
COMMENT ON COLUMN platform.analyst_access.role IS 'Database role; its members read the tenant too';
COMMENT ON COLUMN platform.analyst_access.tenant_id IS 'Tenant the row belongs to';
COMMENT ON COLUMN platform.analyst_access.granted_at IS 'Since when';

-- The definer reads the table, the caller does not. Policies hand over current_user, which is the
-- role of the query; whoever calls the function himself may name only roles he is a member of.
CREATE FUNCTION platform.visible_tenants(who name) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(DISTINCT a.tenant_id), '{}')
    FROM platform.analyst_access AS a
    JOIN pg_roles AS r ON r.rolname = a.role
    WHERE pg_has_role(who, r.oid, 'USAGE') AND pg_has_role(session_user, who, 'MEMBER')
$$;

COMMENT ON FUNCTION platform.visible_tenants IS 'Tenants that a role may read';

CREATE FUNCTION platform.visible_apps(who name) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(id), '{}')
    FROM platform.app
    WHERE tenant_id = ANY (platform.visible_tenants(who))
$$;

COMMENT ON FUNCTION platform.visible_apps IS 'Apps of the tenants that a role may read';

-- A role that is neither owner nor analyst gets an error instead of an empty answer.
REVOKE EXECUTE ON FUNCTION platform.visible_tenants, platform.visible_apps FROM PUBLIC;
