//! What is wrong with a store's walls, read from Postgres' own catalogue.

use sqlx::PgConnection;

/// Tables that are nobody's: book-keeping of the machinery, without a word of any client, and which version of the
/// world's time zone rules was used last.
const NOBODYS: &[&str] = &["_sqlx_migrations", "relay_cursor", "lease", "lease_holder", "zone_rules"];
/// What must be unique in the whole installation: no index of these tells a client of another's row, because only the
/// machinery writes dead letters, and a reference must name one ticket wherever it is read.
const UNIQUE_ACROSS: &[&str] = &["dead_letter_pkey", "dead_letter_once", "client_reference_prefix_key"];
/// What the machinery may do with rows of clients.
const MACHINERY: &[(&str, &[&str])] = &[
    ("inbox", &["SELECT", "DELETE"]),
    ("outbox", &["SELECT"]),
    ("dead_letter", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("ticket.client_id", &["SELECT"]),
    ("ticket.ticket_id", &["SELECT"]),
    ("ticket.shard", &["SELECT"]),
    ("ticket.next_at", &["SELECT"]),
    ("alarm", &["SELECT"]),
    // Which hold-offs end when, and which signs of life are due when.
    ("alert.client_id", &["SELECT"]),
    ("alert.alert_id", &["SELECT"]),
    ("alert.shard", &["SELECT"]),
    ("alert.clears_at", &["SELECT"]),
    ("heartbeat.client_id", &["SELECT"]),
    ("heartbeat.name", &["SELECT"]),
    ("heartbeat.shard", &["SELECT"]),
    ("heartbeat.due_at", &["SELECT"]),
    // Which files somebody still has, before what lies on the shelf is swept.
    ("attachment.client_id", &["SELECT"]),
    ("attachment.sha256", &["SELECT"]),
    // The same of files that have no ticket yet.
    ("waiting_file.client_id", &["SELECT"]),
    ("waiting_file.sha256", &["SELECT"]),
    // Which claims lapse when, which clients are looked after when, and whether their models are others.
    ("claim.client_id", &["SELECT"]),
    ("claim.ticket_id", &["SELECT"]),
    ("claim.shard", &["SELECT"]),
    ("claim.lapses_at", &["SELECT"]),
    // When what waits or is resolved comes to its next notice, or its end.
    ("closing.client_id", &["SELECT"]),
    ("closing.ticket_id", &["SELECT"]),
    ("closing.due_at", &["SELECT"]),
    ("closing.shard", &["SELECT"]),
    ("watched", &["SELECT", "INSERT"]),
    // Which rules act when, on whose tickets, and which clients' rules are planned anew.
    ("rule_due.client_id", &["SELECT"]),
    ("rule_due.due_id", &["SELECT"]),
    ("rule_due.ticket_id", &["SELECT"]),
    ("rule_due.due_at", &["SELECT"]),
    ("rule_due.shard", &["SELECT"]),
    ("rule_due.position", &["SELECT"]),
    ("rule_client.client_id", &["SELECT"]),
    ("rule_client.shard", &["SELECT"]),
    ("rule_client.planned_after", &["SELECT"]),
    ("rule_client.daily_at", &["SELECT"]),
    // Which runs are to be sent again, or are over, when.
    ("run.client_id", &["SELECT"]),
    ("run.run_id", &["SELECT"]),
    ("run.due_at", &["SELECT"]),
    ("run.shard", &["SELECT"]),
    ("support_model.client_id", &["SELECT"]),
    ("support_model.version", &["SELECT"]),
];

/// The tables with rows of clients, partitions left out.
pub async fn client_tables(connection: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'client_id'
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1",
    )
    .fetch_all(connection)
    .await?)
}

/// Every hole, in words. Nothing: the store is walled in.
pub async fn findings(connection: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for query in [TABLES, POLICIES, VIEWS, ROLES, FUNCTIONS, FOREIGN_KEYS, SCHEMA] {
        found.extend(sqlx::query_scalar::<_, String>(query).fetch_all(&mut *connection).await?);
    }
    let nobodys: Vec<String> = sqlx::query_scalar(WITHOUT_CLIENT).bind(NOBODYS).fetch_all(&mut *connection).await?;
    let unique: Vec<String> = sqlx::query_scalar(UNIQUE).bind(UNIQUE_ACROSS).fetch_all(&mut *connection).await?;
    found.extend(nobodys.into_iter().chain(unique));
    found.extend(grants(connection).await?);
    Ok(found)
}

/// Rows of clients, partitions too: guarded, also against their owner.
const TABLES: &str = "
SELECT c.relname || ': row-level security is not ' || wall.name
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'client_id'
CROSS JOIN LATERAL (VALUES ('enabled', c.relrowsecurity), ('forced', c.relforcerowsecurity)) AS wall (name, stands)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT wall.stands";

/// The one policy of desk_app, for reading and for writing; policies add up, so there is no other.
const POLICIES: &str = "
SELECT c.relname || ': desk_app has no policy'
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'client_id'
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND NOT EXISTS (SELECT 1 FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname
                  AND 'desk_app' = ANY (p.roles))
UNION ALL
SELECT p.tablename || ': the policy ' || p.policyname || ' lets desk_app beyond its clients'
FROM pg_policies p, pg_policies standard
WHERE p.schemaname = 'public' AND ('desk_app' = ANY (p.roles) OR 'public' = ANY (p.roles))
  AND standard.schemaname = 'public' AND standard.tablename = 'inbox' AND standard.policyname = 'by_client'
  AND NOT (p.cmd = 'ALL' AND p.permissive = 'PERMISSIVE' AND p.roles = ARRAY['desk_app']::name[]
           AND p.qual LIKE '%client_id = ANY (%app.clients%' AND p.qual IS NOT DISTINCT FROM p.with_check
           AND p.qual = standard.qual)";

const VIEWS: &str = "
SELECT relname || CASE relkind WHEN 'm' THEN ': is a materialized view, which has no row-level security'
                  ELSE ': is a view without security_invoker' END
FROM pg_class WHERE relnamespace = 'public'::regnamespace
  AND (relkind = 'm' OR relkind = 'v' AND NOT coalesce(reloptions, '{}') && '{security_invoker=true,security_invoker=on}')
UNION ALL
SELECT relname || ': is a foreign table' FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'f'";

const ROLES: &str = "
SELECT r.rolname || ' ' || flag.what
FROM pg_roles r CROSS JOIN LATERAL (VALUES
    ('is a superuser', r.rolsuper), ('bypasses row-level security', r.rolbypassrls),
    ('may make roles', r.rolcreaterole), ('may make databases', r.rolcreatedb), ('may replicate', r.rolreplication)
) AS flag (what, holds)
WHERE r.rolname IN ('desk_app', 'desk_machinery', 'desk_owner') AND flag.holds
UNION ALL
SELECT r.rolname || ' owns ' || c.relname FROM pg_roles r JOIN pg_class c ON c.relowner = r.oid
WHERE r.rolname IN ('desk_app', 'desk_machinery') AND c.relkind <> 't'
UNION ALL
SELECT r.rolname || ' owns ' || p.proname FROM pg_roles r JOIN pg_proc p ON p.proowner = r.oid
WHERE r.rolname IN ('desk_app', 'desk_machinery')
UNION ALL
SELECT m.member::regrole || ' is a member of ' || m.roleid::regrole FROM pg_auth_members m
WHERE m.member IN ('desk_app'::regrole, 'desk_machinery'::regrole)
UNION ALL
SELECT name || ' is missing' FROM unnest('{desk_app,desk_machinery,desk_owner}'::text[]) AS name
WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name)";

const FUNCTIONS: &str = "
SELECT p.proname || ': runs as its owner without a fixed search_path'
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
  AND NOT EXISTS (SELECT 1 FROM unnest(coalesce(p.proconfig, '{}')) AS one WHERE one LIKE 'search\\_path=%')
UNION ALL
SELECT p.proname || ': runs as its owner, and ' || CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE 'desk_app' END
       || ' may execute it'
FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS acl
WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND acl.grantee IN (0, 'desk_app'::regrole)
UNION ALL
SELECT p.proname || ': claims to be leakproof, which opens a side channel past the policies'
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proleakproof";

/// A key without the client tells of another client's row by refusing a double of it.
const UNIQUE: &str = "
SELECT i.indexrelid::regclass || ': is unique across clients'
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'client_id'
WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique
  AND a.attnum <> ALL ((i.indkey::int2[])[0:i.indnkeyatts - 1])
  AND i.indexrelid::regclass::text <> ALL ($1)";

const FOREIGN_KEYS: &str = "
SELECT k.conname || ': refers to another client''s rows'
FROM pg_constraint k
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'client_id'
JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attname = 'client_id'
WHERE k.contype = 'f' AND NOT (k.conkey[1] = a.attnum AND k.confkey[1] = b.attnum)";

const SCHEMA: &str = "
SELECT who || ' may CREATE in the schema public' FROM unnest('{desk_app,desk_machinery}'::text[]) AS who
WHERE has_schema_privilege(who, 'public', 'CREATE')";

const WITHOUT_CLIENT: &str = "
SELECT c.relname || ': has no client_id; say in findings.rs why it is nobody''s'
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> ALL ($1)
  AND NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = c.oid AND attname = 'client_id')";

/// Rights on tables with rows of clients, of tables and of single columns.
const GRANTS: &str = "
SELECT c.relname::text, '' AS part, c.relispartition, g.grantee, g.privilege_type
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
CROSS JOIN LATERAL (SELECT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END AS grantee,
                           acl.privilege_type) g
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND acl.grantee <> c.relowner
UNION ALL
SELECT c.relname::text, '.' || a.attname, c.relispartition, g.grantee, g.privilege_type
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid CROSS JOIN LATERAL aclexplode(a.attacl) AS acl
CROSS JOIN LATERAL (SELECT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END AS grantee,
                           acl.privilege_type) g
WHERE c.relnamespace = 'public'::regnamespace";

async fn grants(connection: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    let rows: Vec<(String, String, bool, String, String)> = sqlx::query_as(GRANTS).fetch_all(connection).await?;
    let mut found = Vec::new();
    for (table, part, is_partition, who, right) in rows {
        let right = right.as_str();
        let is_fine = match who.as_str() {
            _ if is_partition => false,
            "desk_app" if NOBODYS.contains(&table.as_str()) => right == "SELECT",
            // Announcements and what was seen are never changed.
            "desk_app" if ["outbox", "inbox", "dead_letter"].contains(&table.as_str()) => {
                right == "SELECT" || (right == "INSERT" && table != "dead_letter")
            }
            "desk_app" => ["SELECT", "INSERT", "UPDATE", "DELETE"].contains(&right),
            "desk_machinery" if NOBODYS.contains(&table.as_str()) => right != "TRUNCATE",
            "desk_machinery" => {
                MACHINERY.iter().any(|(on, rights)| *on == format!("{table}{part}") && rights.contains(&right))
            }
            _ => false,
        };
        if !is_fine {
            let kind = if is_partition { "is a partition, and " } else { "" };
            found.push(format!("{table}: {kind}{who} may {right}{}", if part.is_empty() { "" } else { " a column" }));
        }
    }
    Ok(found)
}
